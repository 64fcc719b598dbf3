// Plain progress lines: `[2/7] Building @whittle/core … 2.1 s`.
"use strict";

/** Runs `{ title, run(report, done) }` one after the other and stops at the first that fails. */
function runSteps(steps, done) {
  function next(index) {
    if (index === steps.length) return done(null);
    var step = steps[index];
    var head = "[" + (index + 1) + "/" + steps.length + "] " + step.title;
    var started = Date.now();
    write(head + " … ");
    step.run(
      function report(line) {
        // ninja counts files, make counts per cent
        var count = /^\[\s*(\d+\/\d+|\d+%)\]/.exec(line);
        if (count && process.stdout.isTTY) write("\r" + head + " … " + count[1] + " ");
      },
      function (error) {
        var seconds = ((Date.now() - started) / 1000).toFixed(1);
        write((process.stdout.isTTY ? "\r" + head + " … " : "") + (error ? "failed" : seconds + " s") + "      \n");
        if (error) return done(error);
        next(index + 1);
      }
    );
  }
  next(0);
}

function write(text) {
  process.stdout.write(text);
}

exports.runSteps = runSteps;
