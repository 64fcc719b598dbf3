// `npm start` and `npm test` begin here: check the tools, install, build what is missing or stale, go on.
//
// No dependencies, and ECMAScript 5 in this file and in bootstrap/: on a Node that is too old to run Whittle it must
// still run far enough to say so.
"use strict";

var fs = require("fs");
var path = require("path");

var builder = require("./bootstrap/build.cjs");
var installer = require("./bootstrap/install.cjs");
var processes = require("./bootstrap/processes.cjs");
var progress = require("./bootstrap/progress.cjs");
var requirements = require("./bootstrap/requirements.cjs");
var suites = require("./bootstrap/suites.cjs");
var workspaces = require("./bootstrap/workspaces.cjs");

var root = path.join(__dirname, "..");
var server = "@whittle/example-server";
var bench = "@whittle/bench";

/**
 * Leaves every workspace that `names` (all when null) needs installed and built, with what `moreSteps` adds, then
 * calls `done(error)`.
 */
function prepare(names, done, moreSteps) {
  var steps;
  try {
    steps = stepsFor(names).concat(moreSteps || []);
  } catch (error) {
    return done(error);
  }
  progress.runSteps(steps, done);
}

/** @throws when tools are missing. */
function stepsFor(names) {
  var missing = requirements.missingNode();
  if (missing.length > 0) throw requirements.error(missing.concat(requirements.missingBuildTools()));

  var units = builder.staleUnits(root, workspaces.closure(workspaces.read(root), names));
  var compiles = units.some(function (unit) {
    return unit.native;
  });
  if (compiles) missing = requirements.missingBuildTools();
  if (missing.length > 0) throw requirements.error(missing);

  var steps = units.map(function (unit) {
    return builder.step(root, unit);
  });
  return (installer.isInstalled(root) ? [] : [installer.step(root)]).concat(steps);
}

var commands = {
  /** Serves the embedded model: `npm start -- --port N`. */
  start: function (args) {
    prepare([server], function (error) {
      if (error) return fail(error);
      var main = path.join(workspaces.find(workspaces.read(root), server).directory, "dist", "main.js");
      processes.become(processes.node([main].concat(args)), root);
    });
  },

  /** Lints, checks the types and runs every suite; the last line is the sum. */
  test: function (args) {
    function run(error) {
      if (error) {
        console.error("\n" + error.message);
        return suites.finish({ passed: 0, failed: 1, skipped: 0 });
      }
      suites.runAll(root, args, suites.finish);
    }
    prepare(null, run, builder.testSteps(root, workspaces.read(root)));
  },

  /** Runs one benchmark: `npm run bench -- <name> [options]`; without a name, lists them. */
  bench: function (args) {
    prepare([bench], function (error) {
      if (error) return fail(error);
      var folder = path.join(workspaces.find(workspaces.read(root), bench).directory, "dist");
      var programs = fs.readdirSync(folder).filter(function (name) {
        return /\.js$/.test(name);
      });
      if (programs.indexOf(args[0] + ".js") < 0) {
        return fail(new Error("Benchmarks: " + programs.join(" ").replace(/\.js\b/g, "")));
      }
      processes.become(processes.node([path.join(folder, args[0] + ".js")].concat(args.slice(1))), root);
    });
  },

  /** Only builds: `node scripts/bootstrap.cjs build [workspace…]`. */
  build: function (args) {
    prepare(args.length > 0 ? args : null, function (error) {
      if (error) fail(error);
    });
  },
};

function fail(error) {
  console.error("\n" + error.message);
  process.exitCode = 1;
}

var command = commands[process.argv[2]];
if (command) command(process.argv.slice(3));
else fail(new Error("usage: node scripts/bootstrap.cjs start|test|bench|build"));
