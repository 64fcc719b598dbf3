// What has to be built. A workspace has up to two units: its JavaScript (script `build`, or `build:js` where there is
// more than that) and its native part (script `build:native`); for its tests there may be more (script `build:test`).
"use strict";

var crypto = require("crypto");
var fs = require("fs");
var path = require("path");

var processes = require("./processes.cjs");
var readJson = require("./workspaces.cjs").readJson;

var NATIVE_SOURCE = /(\.(c|cc|cpp|cu|cuh|h|hpp|inc|inl|cmake)|CMakeLists\.txt|build-native\.cjs)$/;
var NO_SOURCE = /(\.test\.ts|\.md|vitest\.config\.ts)$/;
var SKIPPED_FOLDERS = ["node_modules", "dist", "build", "fixtures", ".turbo"];
var SHARED_FILES = ["package.json", "tsconfig.base.json", "tsup.shared.ts"];

function filesBelow(directory) {
  var found = [];
  if (!fs.existsSync(directory)) return found;
  fs.readdirSync(directory)
    .sort()
    .forEach(function (name) {
      var file = path.join(directory, name);
      if (!fs.statSync(file).isDirectory()) found.push(file);
      else if (SKIPPED_FOLDERS.indexOf(name) < 0) found = found.concat(filesBelow(file));
    });
  return found;
}

/** A hash of the parts: files are taken by name and content. */
function digest(root, files, more) {
  var hash = crypto.createHash("sha256");
  files.forEach(function (file) {
    var content = fs.readFileSync(file);
    hash.update(path.relative(root, file) + "\0" + content.length + "\0").update(content);
  });
  return hash.update(JSON.stringify(more)).digest("hex");
}

/** What stands in the output folder, by name, size and time: a build by another way, or a deletion, shows. */
function outputsOf(unit) {
  var folder = path.join(unit.workspace.directory, unit.native ? path.join("build", "Release") : "dist");
  return filesBelow(folder)
    .filter(function (file) {
      return !unit.native || /\.node$/.test(file);
    })
    .map(function (file) {
      var stat = fs.statSync(file);
      return path.relative(folder, file) + " " + stat.size + " " + stat.mtime.getTime();
    });
}

function unitsOf(root, workspaces) {
  var keys = {};
  var units = [];
  workspaces.forEach(function (workspace) {
    var scripts = workspace.manifest.scripts || {};
    var files = filesBelow(workspace.directory);
    function unit(native, script, key) {
      units.push({
        id: workspace.name + (native ? ":native" : ""),
        workspace: workspace,
        native: native,
        script: script,
        key: key,
      });
    }
    if (scripts["build:native"]) {
      var nativeFiles = files.filter(function (file) {
        return NATIVE_SOURCE.test(file);
      });
      unit(true, "build:native", digest(root, nativeFiles, [process.platform, process.arch]));
    }
    // Types may be inferred from a workspace below, so a change there reaches upward.
    var below = workspace.needs.map(function (name) {
      return keys[name];
    });
    var sources = files.filter(function (file) {
      return !NATIVE_SOURCE.test(file) && !NO_SOURCE.test(file);
    });
    var shared = SHARED_FILES.map(function (name) {
      return path.join(root, name);
    }).filter(fs.existsSync);
    keys[workspace.name] = digest(root, sources.concat(shared), below);
    var script = scripts["build:js"] ? "build:js" : "build";
    if (scripts[script]) unit(false, script, keys[workspace.name]);
  });
  return units;
}

// Below node_modules: an install that starts anew, perhaps with other build tools, starts the builds anew too.
function stampPath(root, unit) {
  return path.join(root, "node_modules", ".cache", "whittle", unit.id.replace(/[^a-z0-9-]+/g, "-") + ".json");
}

function isFresh(root, unit) {
  var stamp = stampPath(root, unit);
  if (!fs.existsSync(stamp)) return false;
  var recorded = readJson(stamp);
  var outputs = outputsOf(unit);
  return recorded.key === unit.key && outputs.length > 0 && recorded.outputs.join("\n") === outputs.join("\n");
}

/** The units of `workspaces` that are missing or stale, in the order to build them. */
function staleUnits(root, workspaces) {
  return unitsOf(root, workspaces).filter(function (unit) {
    return !isFresh(root, unit);
  });
}

function step(root, unit) {
  return {
    title: "Building " + unit.workspace.name + (unit.native ? " (C++)" : ""),
    run: function (report, done) {
      var script = processes.script(root, unit.workspace.manifest.scripts[unit.script]);
      processes.quiet(script, unit.workspace.directory, report, function (error) {
        if (error) return done(error);
        var stamp = stampPath(root, unit);
        fs.mkdirSync(path.dirname(stamp), { recursive: true });
        fs.writeFileSync(stamp, JSON.stringify({ key: unit.key, outputs: outputsOf(unit) }));
        done(null);
      });
    },
  };
}

/** What only tests need: script `build:test`, which knows by itself what is up to date. */
function testSteps(root, workspaces) {
  return workspaces
    .filter(function (workspace) {
      return (workspace.manifest.scripts || {})["build:test"];
    })
    .map(function (workspace) {
      return {
        title: "Building " + workspace.name + " for tests",
        run: function (report, done) {
          var script = processes.script(root, workspace.manifest.scripts["build:test"]);
          processes.quiet(script, workspace.directory, report, done);
        },
      };
    });
}

exports.staleUnits = staleUnits;
exports.step = step;
exports.testSteps = testSteps;
