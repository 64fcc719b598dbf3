// Starting other programs.
"use strict";

var childProcess = require("child_process");

/** A program of this Node. */
function node(args) {
  return { program: process.execPath, args: args, shell: false };
}

/**
 * Runs a program quietly. `report(line)` sees each line that it prints; `done(error)` gets an error with all it printed
 * when it fails.
 */
function quiet(command, cwd, report, done) {
  var stdio = ["ignore", "pipe", "pipe"];
  var child = childProcess.spawn(command.program, command.args, { cwd: cwd, shell: command.shell, stdio: stdio });
  var output = "";
  function take(chunk) {
    output += chunk;
    String(chunk).split(/\r?\n/).filter(Boolean).forEach(report);
  }
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  child.on("error", done);
  child.on("close", function (status, signal) {
    if (status === 0) return done(null);
    var how = signal ? "was ended by " + signal : "failed with exit code " + status;
    done(new Error(output + "\n" + [command.program].concat(command.args).join(" ") + " " + how + "."));
  });
}

/** The npm that started us, else the one on the path: `{ program, args, shell }`. */
function npm(args) {
  var script = process.env.npm_execpath;
  if (script && /\.c?js$/.test(script)) return { program: process.execPath, args: [script].concat(args), shell: false };
  return { program: "npm", args: args, shell: process.platform === "win32" }; // npm is a .cmd there
}

/** Runs a program in full view; `done(status)` gets its exit code, 1 when it was killed. */
function visible(command, cwd, done) {
  var options = { cwd: cwd, shell: command.shell, stdio: "inherit" };
  var child = childProcess.spawn(command.program, command.args, options);
  child.on("error", function (error) {
    console.error(error.message);
    done(1);
  });
  child.on("close", function (status) {
    done(status === null ? 1 : status);
  });
  return child;
}

/** Hands the terminal over to a program and ends as it ends. */
function become(command, cwd) {
  var child = visible(command, cwd, function (status) {
    process.exitCode = status;
  });
  // The terminal sends Ctrl-C to the whole group, so the program has it already; any other sender means us alone.
  process.on("SIGINT", function () {});
  process.on("SIGTERM", function () {
    child.kill("SIGTERM");
  });
}

exports.node = node;
exports.npm = npm;
exports.quiet = quiet;
exports.visible = visible;
exports.become = become;
