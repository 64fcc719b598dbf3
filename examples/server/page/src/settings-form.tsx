import { type ComponentChildren, type InputHTMLAttributes } from "preact";
import { useId } from "preact/hooks";
import { type Settings } from "./settings.js";

interface Props {
  readonly settings: Settings;
  readonly onChange: (settings: Settings) => void;
}

/** How the text is drawn. */
export function SettingsForm({ settings, onChange }: Props) {
  const set = (name: keyof Settings) => (event: InputEvent) =>
    onChange({ ...settings, [name]: (event.currentTarget as HTMLInputElement).value });
  const temperatureId = useId();
  return (
    <details class="settings" open={globalThis.matchMedia("(min-width: 60rem)").matches}>
      <summary>Settings</summary>
      <div class="fields">
        <div class="field wide">
          <label for={temperatureId}>
            Temperature <output for={temperatureId}>{settings.temperature.toFixed(1)}</output>
          </label>
          <input
            id={temperatureId}
            type="range"
            min="0"
            max="1.5"
            step="0.1"
            value={settings.temperature}
            onInput={(event) => onChange({ ...settings, temperature: Number(event.currentTarget.value) })}
          />
          <small>0 takes the likeliest word, more is livelier</small>
        </div>
        <NumberField
          label="Tokens at most"
          help="A token is about three letters"
          min="1"
          placeholder="what fits"
          inputMode="numeric"
          value={settings.maxTokens}
          onInput={set("maxTokens")}
        />
        <NumberField
          label="Seed"
          help="The same seed gives the same text"
          min="0"
          placeholder="a new one"
          inputMode="numeric"
          value={settings.seed}
          onInput={set("seed")}
        />
        <NumberField
          label="Top-k"
          help="Only the k likeliest tokens"
          min="0"
          placeholder="all"
          inputMode="numeric"
          value={settings.topK}
          onInput={set("topK")}
        />
        <NumberField
          label="Top-p"
          help="Only those that reach p together"
          min="0"
          max="1"
          step="0.01"
          placeholder="1"
          inputMode="decimal"
          value={settings.topP}
          onInput={set("topP")}
        />
        <NumberField
          label="Min-p"
          help="Only those p times as likely as the first"
          min="0"
          max="1"
          step="0.01"
          placeholder="0"
          inputMode="decimal"
          value={settings.minP}
          onInput={set("minP")}
        />
        <Field label="Stop texts" help="One a line; the text ends before">
          {(id) => <textarea id={id} rows={1} value={settings.stop} placeholder="none" onInput={set("stop")} />}
        </Field>
      </div>
    </details>
  );
}

/** A field for a number; what it does not name goes to the input as it is. */
function NumberField({ label, help, ...input }: { label: string; help: string } & InputHTMLAttributes) {
  return (
    <Field label={label} help={help}>
      {(id) => <input id={id} type="number" {...input} />}
    </Field>
  );
}

function Field({
  label,
  help,
  children,
}: {
  label: string;
  help: string;
  children: (id: string) => ComponentChildren;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
      <small>{help}</small>
    </div>
  );
}
