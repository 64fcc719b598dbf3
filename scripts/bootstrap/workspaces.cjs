// The workspaces of this repository and who needs whom.
"use strict";

var fs = require("fs");
var path = require("path");

function readJson(file) {
  return JSON.parse(fs.readFileSync(file, "utf8"));
}

/** All workspaces `{ name, directory, manifest, needs }`; `needs` are names of other workspaces. */
function read(root) {
  var all = [];
  readJson(path.join(root, "package.json")).workspaces.forEach(function (pattern) {
    var parent = path.join(root, pattern.replace(/\/\*$/, ""));
    if (!fs.existsSync(parent)) return;
    var folders = /\/\*$/.test(pattern) ? fs.readdirSync(parent).sort() : ["."];
    folders.forEach(function (folder) {
      var directory = path.join(parent, folder);
      if (!fs.existsSync(path.join(directory, "package.json"))) return;
      var manifest = readJson(path.join(directory, "package.json"));
      all.push({ name: manifest.name, directory: directory, manifest: manifest });
    });
  });
  all.forEach(function (workspace) {
    var declared = Object.keys(workspace.manifest.dependencies || {}).concat(
      Object.keys(workspace.manifest.devDependencies || {})
    );
    workspace.needs = declared.filter(function (name) {
      return find(all, name) !== null;
    });
  });
  return all;
}

function find(all, name) {
  var found = all.filter(function (workspace) {
    return workspace.name === name;
  });
  return found.length > 0 ? found[0] : null;
}

/**
 * The workspaces `names` (all when null) and what they need, each after those it needs.
 * @throws when two workspaces need each other.
 */
function closure(all, names) {
  var ordered = [];
  function add(name, above) {
    var workspace = find(all, name);
    if (workspace === null) throw new Error("There is no workspace " + name + ".");
    if (above.indexOf(name) >= 0) throw new Error("Workspaces need each other: " + above.concat(name).join(" > "));
    if (ordered.indexOf(workspace) >= 0) return;
    workspace.needs.forEach(function (needed) {
      add(needed, above.concat(name));
    });
    ordered.push(workspace);
  }
  (names || all.map(nameOf)).forEach(function (name) {
    add(name, []);
  });
  return ordered;
}

function nameOf(workspace) {
  return workspace.name;
}

exports.read = read;
exports.find = find;
exports.closure = closure;
exports.readJson = readJson;
