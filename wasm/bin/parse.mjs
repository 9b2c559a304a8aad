// The command line against the table in options.mjs; tools/whittle/command_line.cc does the same.

import { COMMANDS, EXCLUDES, HELP, OPTIONS, TOGETHER } from './options.mjs';

export class UsageError extends Error {}

const findOption = (word) => Object.entries(OPTIONS).find(([name, { short }]) =>
  (word.startsWith('--') ? name === word.slice(2) : short !== undefined && word === `-${short}`));

// {help: text} | {version: true} | {command, operands, options}; throws UsageError.
export function parseCommandLine(words) {
  if (words.length === 0) throw new UsageError('a command is missing');
  const [name, ...rest] = words;
  if (name === '--help' || name === '-h') return { help: HELP[''] };
  if (name === '--version') return { version: true };
  if (!Object.hasOwn(COMMANDS, name)) throw new UsageError(`there is no command '${name}'`);
  const command = COMMANDS[name];

  const options = {};
  const operands = [];
  let ended = false;
  for (let at = 0; at < rest.length; ++at) {
    const word = rest[at];
    if (ended || !word.startsWith('-') || word === '-') {
      operands.push(word);
      continue;
    }
    if (word === '--') {
      ended = true;
      continue;
    }
    const equals = word.startsWith('--') ? word.indexOf('=') : -1;
    const spelled = equals < 0 ? word : word.slice(0, equals);
    const found = findOption(spelled);
    if (!found || !found[1].commands.includes(name)) throw new UsageError(`${name} has no option ${spelled}`);
    const [option, info] = found;
    if (Object.hasOwn(options, option)) throw new UsageError(`--${option} is given twice`);
    if (info.kind === 'flag') {
      if (equals >= 0) throw new UsageError(`--${option} takes no value`);
      options[option] = true;
      continue;
    }
    let value;
    if (equals >= 0) value = word.slice(equals + 1);
    else if (++at < rest.length) value = rest[at];
    else throw new UsageError(`--${option} needs a value`);
    options[option] = convert(option, info, value);
  }
  if (options.help) return { help: HELP[name] };
  if (command.missing) throw new UsageError(`${name} is not in this version`);

  if (operands.length !== command.operands.length) {
    throw new UsageError(`${name} takes ${command.operands.join(' ')}, and ${operands.length} operands are given`);
  }
  if (command.choices && !command.choices.includes(operands[0])) {
    throw new UsageError(`${command.operands[0]} must be one of ${command.choices.join(', ')}`);
  }
  for (const [option, info] of Object.entries(OPTIONS)) {
    if (info.required && info.commands.includes(name) && !Object.hasOwn(options, option)) {
      throw new UsageError(`${name} needs --${option}`);
    }
  }
  for (const group of EXCLUDES) {
    const given = group.filter((option) => Object.hasOwn(options, option));
    if (given.length > 1) throw new UsageError(`--${given[0]} and --${given[1]} exclude each other`);
  }
  for (const group of TOGETHER) {
    const missing = group.find((option) => !Object.hasOwn(options, option));
    const given = group.find((option) => Object.hasOwn(options, option));
    if (missing && given) throw new UsageError(`--${given} needs --${missing}`);
  }
  if (options.output?.endsWith('.pb')) {
    if (options.format === 'saved_model') throw new UsageError('a .pb holds a graph_def; name a folder or a .zip for a saved_model');
    options.format = 'graph_def';
  }
  return { command: name, operands, options };
}

function convert(option, info, value) {
  switch (info.kind) {
    case 'choice':
      if (!info.choices.includes(value)) throw new UsageError(`--${option} must be one of ${info.choices.join(', ')}`);
      return value;
    case 'list': return value === '' ? [] : value.split(',');
    case 'count': {
      const count = /^[0-9]{1,6}$/.test(value) ? Number(value) : -1;
      if (count < info.minimum || count > info.maximum) {
        throw new UsageError(`--${option} must be a whole number from ${info.minimum} to ${info.maximum}`);
      }
      return count;
    }
    case 'number':
      if (!/^-?[0-9]{1,6}(\.[0-9]{1,9})?$/.test(value)) throw new UsageError(`--${option} must be a number`);
      return Number(value);
    default:
      if (value === '') throw new UsageError(`--${option} needs a value`);
      return value;
  }
}
