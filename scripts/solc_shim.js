#!/usr/bin/env node
// Answers like the native solc (--version, --standard-json) with the compiler that npm pins.
// It downloads nothing, and has the version that it is named after.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const solc = require("solc");

const WITH_VALUE = new Set(["--allow-paths", "--base-path", "--include-path", "-I"]);
const FLAGS = new Set(["--pretty-json", "--no-color", "--color"]);

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}

function readArguments(argv) {
  const wanted = { mode: null, input: null, basePath: null, includePaths: [] };
  for (let i = 0; i < argv.length; i += 1) {
    const [name, inlineValue] = argv[i].split(/=(.*)/s, 2);
    if (name === "--version" || name === "--standard-json") wanted.mode = name;
    else if (WITH_VALUE.has(name)) {
      const value = inlineValue ?? argv[(i += 1)];
      if (name === "--base-path") wanted.basePath = value;
      if (name === "--include-path" || name === "-I") wanted.includePaths.push(value);
    } else if (FLAGS.has(name)) continue;
    else if (!name.startsWith("-") && wanted.mode === "--standard-json") wanted.input = name;
    else if (name === "-") continue;
    else fail(`solc shim: option ${name} is not supported; use --version or --standard-json.`);
  }
  return wanted;
}

function version() {
  const [number, build] = solc.version().split("+");
  const commit = build.split(".")[1];
  return `${number}+commit.${commit}.Linux.g++`;
}

function importer(folders) {
  return (name) => {
    for (const folder of folders) {
      const file = path.resolve(folder, name);
      if (fs.existsSync(file)) return { contents: fs.readFileSync(file, "utf8") };
    }
    return { error: `${name} was not found under ${folders.join(", ")}` };
  };
}

const wanted = readArguments(process.argv.slice(2));
if (wanted.mode === "--version") {
  process.stdout.write(`solc, the solidity compiler commandline interface\nVersion: ${version()}\n`);
} else if (wanted.mode === "--standard-json") {
  const input = fs.readFileSync(wanted.input ?? 0, "utf8");
  const folders = [wanted.basePath ?? process.cwd(), ...wanted.includePaths];
  const output = solc.compile(input, { import: importer(folders) });
  // A pipe accepts a large answer in pieces: only the synchronous call waits until all is written.
  const bytes = Buffer.from(output, "utf8");
  for (let at = 0; at < bytes.length; ) {
    try {
      at += fs.writeSync(1, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
} else {
  fail("solc shim: nothing to do; use --version or --standard-json.");
}
