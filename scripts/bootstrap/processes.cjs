// Starting other programs.
"use strict";

var childProcess = require("child_process");
var path = require("path");

/** A program of this Node. */
function node(args) {
  return { program: process.execPath, args: args, shell: false };
}

/** A script of a package.json as npm would run it, without npm's own start-up time. */
function script(root, text) {
  var env = Object.assign({}, process.env);
  var name = Object.keys(env).filter(function (key) {
    return key.toUpperCase() === "PATH";
  })[0];
  env[name] = path.join(root, "node_modules", ".bin") + path.delimiter + env[name];
  return { program: text, args: [], shell: true, env: env };
}

function spawn(command, cwd, stdio) {
  var options = { cwd: cwd, env: command.env || process.env, shell: command.shell, stdio: stdio };
  return childProcess.spawn(command.program, command.args, options);
}

/**
 * Runs a program quietly. `report(line)` sees each line that it prints; `done(error)` gets an error with all it printed
 * when it fails.
 */
function quiet(command, cwd, report, done) {
  var child = spawn(command, cwd, ["ignore", "pipe", "pipe"]);
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
  var cli = process.env.npm_execpath;
  if (cli && /\.c?js$/.test(cli)) return node([cli].concat(args));
  return { program: "npm", args: args, shell: process.platform === "win32" }; // npm is a .cmd there
}

/** Runs a program in full view; `done(status)` gets its exit code, 1 when it was killed. */
function visible(command, cwd, done) {
  var child = spawn(command, cwd, "inherit");
  child.on("error", function (error) {
    console.error(error.message);
    done(1);
  });
  child.on("close", function (status) {
    done(status === null ? 1 : status);
  });
  return child;
}

/** Hands the terminal over to a program and ends as it ends; the program ends when we are told to, or are left alone. */
function become(command, cwd) {
  var parent = process.ppid;
  // npm passes a signal to its shell, which dies without passing it on.
  var watch = setInterval(function () {
    if (process.ppid !== parent) child.kill("SIGTERM");
  }, 500);
  var child = visible(command, cwd, function (status) {
    clearInterval(watch);
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
exports.script = script;
exports.quiet = quiet;
exports.visible = visible;
exports.become = become;
