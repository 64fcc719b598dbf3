// The workspaces of this repository and who needs whom.
"use strict";

var fs = require("fs");
var path = require("path");

function readJson(file) {
  return JSON.parse(fs.readFileSync(file, "utf8"));
}

/** All workspaces `{ name, directory, manifest, needs }`, each after those it needs (names of workspaces). */
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
      Object.keys(workspace.manifest.devDependencies || {}),
    );
    workspace.needs = declared.filter(function (name) {
      return find(all, name) !== null;
    });
  });
  return inOrder(all);
}

function find(all, name) {
  var found = all.filter(function (workspace) {
    return workspace.name === name;
  });
  return found.length > 0 ? found[0] : null;
}

function inOrder(all) {
  var ordered = [];
  function add(workspace) {
    if (ordered.indexOf(workspace) >= 0) return;
    workspace.needs.forEach(function (name) {
      add(find(all, name));
    });
    ordered.push(workspace);
  }
  all.forEach(add);
  return ordered;
}

/** Those of `all` that the workspaces `names` need, themselves included; everything when `names` is null. */
function closure(all, names) {
  if (names === null) return all;
  var wanted = {};
  names.forEach(function want(name) {
    var workspace = find(all, name);
    if (workspace === null) throw new Error("There is no workspace " + name + ".");
    wanted[name] = true;
    workspace.needs.forEach(want);
  });
  return all.filter(function (workspace) {
    return wanted[workspace.name];
  });
}

exports.read = read;
exports.find = find;
exports.closure = closure;
exports.readJson = readJson;
