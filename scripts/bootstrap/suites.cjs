// Every check of `npm test`, and their sum.
"use strict";

var fs = require("fs");
var os = require("os");
var path = require("path");

var processes = require("./processes.cjs");
var workspaces = require("./workspaces.cjs");

/** A check that passes or fails as a whole. */
function check(root, name) {
  return {
    title: name,
    run: function (done) {
      var text = workspaces.readJson(path.join(root, "package.json")).scripts[name];
      processes.visible(processes.script(root, text), root, function (status) {
        done({ passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, skipped: 0 });
      });
    },
  };
}

/** One workspace's vitest suite. `args` go to vitest as they are (a file name, `-t` and a test's name). */
function suite(root, workspace, args) {
  return {
    title: workspace.name,
    run: function (done) {
      var folder = fs.mkdtempSync(path.join(os.tmpdir(), "whittle-test-"));
      var report = path.join(folder, "report.json");
      var vitest = path.join(root, "node_modules", "vitest", "vitest.mjs");
      var reporters = ["--reporter=default", "--reporter=json", "--outputFile.json=" + report];
      var command = processes.node([vitest, "run"].concat(reporters, args));
      processes.visible(command, workspace.directory, function (status) {
        var sum = count(report, status);
        fs.rmSync(folder, { recursive: true, force: true });
        done(sum);
      });
    },
  };
}

/** The sum in a vitest report. A suite that left none, or that failed without a failed test, counts as one failure. */
function count(report, status) {
  var sum = { passed: 0, failed: 0, skipped: 0 };
  if (fs.existsSync(report)) {
    var result = JSON.parse(fs.readFileSync(report, "utf8"));
    sum.passed = result.numPassedTests;
    sum.failed = result.numFailedTests;
    sum.skipped = result.numPendingTests + result.numTodoTests;
  }
  var empty = sum.passed + sum.failed + sum.skipped === 0;
  if (sum.failed === 0 && (status !== 0 || empty)) sum.failed = 1;
  return sum;
}

function runAll(root, args, done) {
  var tested = workspaces.closure(workspaces.read(root), null).filter(function (workspace) {
    return (workspace.manifest.scripts || {}).test;
  });
  var checks = [check(root, "lint"), check(root, "typecheck")].concat(
    tested.map(function (workspace) {
      return suite(root, workspace, args);
    })
  );
  var total = { passed: 0, failed: 0, skipped: 0 };
  var broken = [];
  function next(index) {
    if (index === checks.length) {
      if (broken.length > 0) console.log("\nFailed: " + broken.join(", "));
      return done(total);
    }
    console.log("\n[" + (index + 1) + "/" + checks.length + "] " + checks[index].title);
    checks[index].run(function (sum) {
      total.passed += sum.passed;
      total.failed += sum.failed;
      total.skipped += sum.skipped;
      if (sum.failed > 0) broken.push(checks[index].title);
      next(index + 1);
    });
  }
  next(0);
}

/** Prints the sum, the last line of `npm test`, and sets the exit code. */
function finish(total) {
  if (total.failed > 0) process.exitCode = 1;
  console.log(total.passed + " passed, " + total.failed + " failed, " + total.skipped + " skipped");
}

exports.runAll = runAll;
exports.finish = finish;
