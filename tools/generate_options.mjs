#!/usr/bin/env node
// generate_options.mjs: options.json as both parsers, their help and the page of docs.
//
//   node tools/generate_options.mjs            writes the files
//   node tools/generate_options.mjs --check    exit 1 when one is not up to date
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const table = JSON.parse(readFileSync(path.join(root, 'tools/options.json'), 'utf8'));
const { commands, options } = table;

// ---- help ----------------------------------------------------------------------------------------------------------

function wrap(text, width, indent) {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1];
    if (last && last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return lines.join(`\n${' '.repeat(indent)}`);
}

const spelled = (option) => `${option.short ? `-${option.short}, ` : ''}--${option.name}${option.value ? ` ${option.value}` : ''}`;
function explained(option) {
  const choices = option.choices && option.choices.length > 1 && !option.choices.every((choice) => option.about.includes(choice))
    ? `; one of ${option.choices.join(', ')}` : '';
  return `${option.about}${choices}${option.default ? ` (default: ${option.default})` : ''}`;
}
function rows(list, column) {
  return list.map(([left, right]) => `  ${left.padEnd(column)}  ${wrap(right, 100 - column, column + 4)}`).join('\n');
}
const exits = rows(table.exits.map(([code, about]) => [String(code), about]), 3);

const main_help = `whittle: ${table.about}

${rows(commands.map((c) => [`whittle ${c.name} ${c.operands.join(' ')}${c.name === 'optimize' ? ' -o OUT' : ''}`, c.about]), 31)}
${rows([['whittle COMMAND --help', 'the options of a command'], ['whittle --version', 'prints the version']], 31)}

MODEL is a SavedModel folder (or one that holds it) or a frozen graph (.pb).
Exit codes:
${exits}
`;

const of_command = (command) => options.filter((option) => option.commands.includes(command.name));
const command_help = (command) => `whittle ${command.name} ${command.operands.join(' ')} [options]: ${command.about}

${rows(of_command(command).map((option) => [spelled(option), explained(option)]), 22)}
`;

// ---- the three files -----------------------------------------------------------------------------------------------

const banner = 'Made by tools/generate_options.mjs from tools/options.json; change it there.';
const quoted = (text) => JSON.stringify(text);

const node_file = `// ${banner}

export const COMMANDS = ${JSON.stringify(Object.fromEntries(commands.map(({ name, operands, choices, missing }) =>
  [name, { operands, choices, missing }])), null, 2)};

export const OPTIONS = ${JSON.stringify(Object.fromEntries(options.map(({ name, short, kind, commands: where, choices, minimum, maximum, required }) =>
  [name, { short, kind, commands: where, choices, minimum, maximum, required }])), null, 2)};

export const EXCLUDES = ${JSON.stringify(table.excludes)};
// [option, what it needs]
export const NEEDS = ${JSON.stringify(table.needs)};

export const HELP = ${JSON.stringify(Object.fromEntries([['', main_help], ...commands.map((c) => [c.name, command_help(c)])]), null, 2)};
`;

const list = (words) => `{${(words ?? []).map(quoted).join(', ')}}`;
const groups = (sets) => sets.map((names) => `    ${list(names)},`).join('\n');
const native_file = `// ${banner}

const std::vector<CommandInfo> kCommands = {
${commands.map((c) => `    {${quoted(c.name)}, ${list(c.operands)}, ${list(c.choices)}, ${Boolean(c.missing)},\n     ${quoted(command_help(c))}},`).join('\n')}
};

const std::vector<OptionInfo> kOptions = {
${options.map((o) => `    {${quoted(o.name)}, ${quoted(o.short ?? '')}, OptionKind::k${o.kind[0].toUpperCase()}${o.kind.slice(1)}, ${list(o.commands)}, ${list(o.choices)}, ${o.minimum ?? 0}, ${o.maximum ?? 0}, ${Boolean(o.required)}},`).join('\n')}
};

const std::vector<std::vector<std::string>> kExcludes = {
${groups(table.excludes)}
};
// An option and what it needs.
const std::vector<std::vector<std::string>> kNeeds = {
${groups(table.needs)}
};

const char* const kMainHelp = ${quoted(main_help)};
`;

const escaped = (text) => text.replace(/\|/g, '\\|').replace(/</g, '&lt;');
const docs_file = `<!-- ${banner} -->
# The command \`whittle\`

\`npx --no-install whittle …\` after installing the packed tarball, \`tools/run …\` in a checkout, or the native program: the same options, output and exit codes.

\`\`\`
${main_help}\`\`\`

Progress goes to stderr as a bar, on a terminal only; \`NO_COLOR\` turns colours off. Paths are relative to the caller's folder.
The output goes to a temporary sibling of OUT, is flushed and then renamed: when a run fails or is interrupted, nothing is left behind.

${commands.map((c) => `## whittle ${c.name} ${c.operands.join(' ')}

${c.about[0].toUpperCase()}${c.about.slice(1)}.${c.choices ? ` WHAT is one of ${c.choices.join(', ')}.` : ''}

| option | meaning | default |
|---|---|---|
${of_command(c).map((o) => `| \`${spelled(o)}\` | ${escaped(o.about)}${o.choices ? ` (${o.choices.join(', ')})` : ''} | ${escaped(o.default ?? '')} |`).join('\n')}
`).join('\n')}
Options that exclude each other: ${table.excludes.map((names) => names.map((n) => `\`--${n}\``).join(' / ')).join('; ')}.
`;

const files = { 'wasm/bin/options.mjs': node_file, 'tools/whittle/options.inc': native_file, 'docs/command-line.md': docs_file };
const check = process.argv.includes('--check');
let stale = 0;
for (const [name, text] of Object.entries(files)) {
  const file = path.join(root, name);
  let there = null;
  try {
    there = readFileSync(file, 'utf8');
  } catch {}  // it does not exist yet
  if (there === text) continue;
  if (check) {
    console.error(`${name} is not up to date: node tools/generate_options.mjs`);
    stale = 1;
  } else {
    writeFileSync(file, text);
  }
}
process.exit(stale);
