import { hermes, llama3Json, mistral, type ToolFormat } from "../tools/tool-format.js";

/** What a model really said, for tests: short quotations from public issues and documentation, each with where it stands. */
export interface RecordedOutput {
  readonly model: string;
  /** Repository, and issue (`#`), pull request (`!`) or file. */
  readonly source: string;
  readonly format: ToolFormat;
  readonly text: string;
  readonly content: string;
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
}

export const recordedOutputs: readonly RecordedOutput[] = [
  {
    model: "Hermes 2 Pro Llama 3 8B",
    source: "vllm-project/vllm!5649",
    format: hermes,
    text: '<tool_call>\n{"arguments": {"city": "Dallas", "state": "TX", "unit": "fahrenheit"}, "name": "get_current_weather"}\n</tool_call>',
    content: "",
    calls: [{ name: "get_current_weather", arguments: '{"city": "Dallas", "state": "TX", "unit": "fahrenheit"}' }],
  },
  {
    model: "Qwen2.5 7B Instruct, two calls",
    source: "QwenLM/Qwen2.5 docs/source/framework/function_call.md of 2024: what it says the output is like",
    format: hermes,
    text: '<tool_call>\n{"name": "get_current_temperature", "arguments": {"location": "San Francisco, CA, USA"}}\n</tool_call>\n<tool_call>\n{"name": "get_temperature_date", "arguments": {"location": "San Francisco, CA, USA", "date": "2024-10-01"}}\n</tool_call>',
    content: "",
    calls: [
      { name: "get_current_temperature", arguments: '{"location": "San Francisco, CA, USA"}' },
      { name: "get_temperature_date", arguments: '{"location": "San Francisco, CA, USA", "date": "2024-10-01"}' },
    ],
  },
  {
    model: "Qwen2.5 72B Instruct",
    source: "zhudotexe/redel sandbox/debug_qwen_2.py: a turn of the conversation there",
    format: hermes,
    text: '<tool_call>\n{"name": "search", "arguments": {"query": "6 Metropolitan cities in Korea and their symbol flowers"}}\n</tool_call>',
    content: "",
    calls: [{ name: "search", arguments: '{"query": "6 Metropolitan cities in Korea and their symbol flowers"}' }],
  },
  {
    model: "Mistral 7B Instruct v0.3, decoded without its control tokens",
    source: "mistralai/mistral-inference#162",
    format: mistral,
    text: '[{"name": "get_current_weather", "arguments": {"location": "San Francisco, CA", "format": "celsius"}}]',
    content: "",
    calls: [{ name: "get_current_weather", arguments: '{"location": "San Francisco, CA", "format": "celsius"}' }],
  },
  {
    model: "Mistral Small (spaces were printed as ▁)",
    source: "theroyallab/tabbyAPI#314",
    format: mistral,
    text: '[TOOL_CALLS] [{"name": "get_current_weather", "arguments": {"location": "Moscow", "format": "celsius"}}]',
    content: "",
    calls: [{ name: "get_current_weather", arguments: '{"location": "Moscow", "format": "celsius"}' }],
  },
  {
    model: "Devstral Small 2 24B Instruct 2512",
    source: "raullenchai/Rapid-MLX#1071",
    format: mistral,
    text: '[TOOL_CALLS]web_search[ARGS]{"query": "latest AI model releases this month"}',
    content: "",
    calls: [{ name: "web_search", arguments: '{"query": "latest AI model releases this month"}' }],
  },
  {
    model: "Llama 3.1 Instruct, after its control token",
    source: "meta-llama/llama-models llama_models/llama3_1/prompt_format.md",
    format: llama3Json,
    text: '<|python_tag|>{\n    "type": "function",\n    "name": "trending_songs",\n    "parameters": {\n        "n": "10",\n        "genre": "all"\n    }\n}',
    content: "",
    calls: [{ name: "trending_songs", arguments: '{\n        "n": "10",\n        "genre": "all"\n    }' }],
  },
  {
    model: "Llama 3.1 8B Instruct",
    source: "raullenchai/Rapid-MLX#700",
    format: llama3Json,
    text: '{"name": "web_search", "parameters": {"query": "你好"}}',
    content: "",
    calls: [{ name: "web_search", arguments: '{"query": "你好"}' }],
  },
  {
    model: "Llama 3.2 11B Vision Instruct, a brace short and not in the form it was taught: no call",
    source: "vllm-project/vllm#11786",
    format: llama3Json,
    text: '{"type": "function", "function": {"name": "get_current_traffic", "parameters": {"location": "Sydney"}}',
    content: '{"type": "function", "function": {"name": "get_current_traffic", "parameters": {"location": "Sydney"}}',
    calls: [],
  },
  {
    model: "Llama 3.2 3B Instruct, in a block of Markdown: no call",
    source: "ollama/ollama#13519",
    format: llama3Json,
    text: '```json\n{"name": "query_web_search", "parameters": {"query": "install ollama models"}}\n```',
    content: '```json\n{"name": "query_web_search", "parameters": {"query": "install ollama models"}}\n```',
    calls: [],
  },
];
