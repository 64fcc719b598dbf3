// Whether node_modules is what the lockfile says, and how to make it so.
"use strict";

var fs = require("fs");
var path = require("path");

var processes = require("./processes.cjs");
var readJson = require("./workspaces.cjs").readJson;

/** Compares npm's own record of what it installed with the lockfile: exact, whatever the files' times. */
function isInstalled(root) {
  var record = path.join(root, "node_modules", ".package-lock.json");
  if (!fs.existsSync(record)) return false;
  var installed = readJson(record).packages;
  var locked = readJson(path.join(root, "package-lock.json")).packages;
  return Object.keys(locked).every(function (location) {
    var wanted = locked[location];
    if (location.indexOf("node_modules/") < 0) return true; // the root and the workspaces' own folders
    if (wanted.optional && !installed[location]) return true; // another platform's
    var present = installed[location];
    return (
      present !== undefined && present.version === wanted.version && Boolean(present.link) === Boolean(wanted.link)
    );
  });
}

/** The development and optional packages are asked for, lest NODE_ENV=production or a user's setting drop them. */
function step(root) {
  return {
    title: "Installing packages (npm ci)",
    run: function (report, done) {
      var args = ["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund"];
      processes.quiet(processes.npm(args), root, report, done);
    },
  };
}

exports.isInstalled = isInstalled;
exports.step = step;
