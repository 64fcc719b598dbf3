// What a machine must have before Whittle can be built, and how to get it.
"use strict";

var fs = require("fs");
var spawnSync = require("child_process").spawnSync;

var NODE = [20, 19];
var CMAKE = [3, 20];
var GCC = [10, 0]; // the first with -std=c++20

function isAtLeast(version, wanted) {
  return version[0] > wanted[0] || (version[0] === wanted[0] && version[1] >= wanted[1]);
}

/** The first `major.minor` that `program args` prints, or null where the program cannot be run. */
function versionOf(program, args) {
  var result = spawnSync(program, args, { encoding: "utf8" });
  if (result.error || result.status !== 0) return null;
  var found = /(\d+)(?:\.(\d+))?/.exec(result.stdout + result.stderr);
  return found ? [Number(found[1]), Number(found[2] || 0)] : [0, 0];
}

function missingNode() {
  if (isAtLeast(process.versions.node.split(".").map(Number), NODE)) return [];
  return [{ tool: "node", why: "Node.js " + NODE.join(".") + " or newer is needed; this is " + process.version + "." }];
}

function missingCompiler() {
  if (process.platform === "win32") {
    var programs = process.env["ProgramFiles(x86)"] || "C:\\Program Files (x86)";
    var vswhere = programs + "\\Microsoft Visual Studio\\Installer\\vswhere.exe";
    var tools = "Microsoft.VisualStudio.Component.VC.Tools.x86.x64";
    var found = spawnSync(vswhere, ["-latest", "-products", "*", "-requires", tools, "-property", "installationPath"]);
    if (!found.error && String(found.stdout).trim()) return [];
    return [{ tool: "compiler", why: "The Visual C++ build tools are missing." }];
  }
  var gcc = versionOf("g++", ["-dumpfullversion", "-dumpversion"]);
  if (versionOf("clang++", ["--version"]) || (gcc && isAtLeast(gcc, GCC))) return [];
  if (!gcc) return [{ tool: "compiler", why: "A C++20 compiler (g++ or clang++) is missing." }];
  return [{ tool: "compiler", why: "g++ " + GCC[0] + " or newer is needed; this is " + gcc.join(".") + "." }];
}

function missingMake() {
  if (process.platform === "win32" || versionOf("make", ["--version"]) || versionOf("ninja", ["--version"])) return [];
  return [{ tool: "make", why: "make (or ninja) is missing." }];
}

function missingCMake() {
  var version = versionOf("cmake", ["--version"]);
  if (version && isAtLeast(version, CMAKE)) return [];
  var came = version ? "is needed; this is " + version.join(".") + "." : "is missing.";
  return [{ tool: "cmake", why: "CMake " + CMAKE.join(".") + " or newer " + came }];
}

function missingBuildTools() {
  return missingCompiler().concat(missingMake(), missingCMake());
}

/** One command per system that installs `tools`. */
var installers = {
  Debian: function (tools) {
    return "sudo apt-get install -y " + names(tools, { compiler: "g++", make: "make", cmake: "cmake" });
  },
  Fedora: function (tools) {
    return "sudo dnf install -y " + names(tools, { compiler: "gcc-c++", make: "make", cmake: "cmake" });
  },
  macOS: function (tools) {
    var apple = names(tools, { compiler: "x", make: "x" }) ? ["xcode-select --install"] : [];
    return apple.concat(names(tools, { cmake: "x" }) ? ["brew install cmake"] : []).join(" && ");
  },
  Windows: function (tools) {
    var visual =
      'winget install Microsoft.VisualStudio.2022.BuildTools --override "--add Microsoft.VisualStudio.Workload.VCTools --passive"';
    return (names(tools, { compiler: "x" }) ? [visual] : [])
      .concat(names(tools, { cmake: "x" }) ? ["winget install Kitware.CMake"] : [])
      .join("\n           ");
  },
};

function names(tools, known) {
  return tools
    .map(function (tool) {
      return known[tool];
    })
    .filter(Boolean)
    .join(" ");
}

/** The system this runs on; null on a Linux that we have no command for. */
function thisSystem() {
  if (process.platform === "darwin") return "macOS";
  if (process.platform === "win32") return "Windows";
  var release = "";
  try {
    release = fs.readFileSync("/etc/os-release", "utf8");
  } catch (_error) {
    // No such file: an unknown system.
  }
  var ids = (/^ID=(.*)$/m.exec(release) || ["", ""])[1] + " " + (/^ID_LIKE=(.*)$/m.exec(release) || ["", ""])[1];
  if (/debian|ubuntu/.test(ids)) return "Debian";
  if (/fedora|rhel/.test(ids)) return "Fedora";
  return null;
}

/** One error that names everything missing, with the commands that install it. */
function error(missing) {
  var lines = missing.map(function (item) {
    return "  - " + item.why;
  });
  var tools = missing.map(function (item) {
    return item.tool;
  });
  lines.unshift("Whittle cannot be built here yet:");
  if (tools.indexOf("node") >= 0) lines.push("Get Node.js from https://nodejs.org/en/download");
  var system = thisSystem();
  var systems = system ? [system] : Object.keys(installers);
  if (tools.join() === "node") systems = [];
  systems.forEach(function (name) {
    lines.push("On " + name + ":  " + installers[name](tools));
  });
  if (tools.indexOf("cmake") >= 0) lines.push("Any newer CMake: https://cmake.org/download");
  lines.push("Then run the same command again.");
  return new Error(lines.join("\n"));
}

exports.missingNode = missingNode;
exports.missingBuildTools = missingBuildTools;
exports.error = error;
