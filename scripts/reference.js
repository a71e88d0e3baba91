// The tables of docs/configuration.md, from JSON Schemas.

/** Replaces what stands between `<!-- reference:NAME -->` and `<!-- /reference -->`. */
export function withReference(text, { jsonSchemas, openCatalogue, sectionSchema, capabilities }) {
  const { flavour, target, component } = jsonSchemas();
  const catalogue = openCatalogue([]);
  const minio = sectionSchema(catalogue.get('minio')).properties;
  const own = new Set(Object.keys(catalogue.get('minio').spec.config));
  const common = Object.entries(minio).filter(([name]) => !own.has(name) && name !== 'k8s_namespace');
  const tables = {
    flavour: () =>
      table(only(flavour.properties, (name) => name !== 'project' && !catalogue.names().includes(name))),
    project: () => table(flavour.properties.project.properties),
    section: () => table(Object.fromEntries(common)),
    components: () =>
      catalogue
        .names()
        .map((name) => settings(catalogue.get(name)))
        .join('\n'),
    local: () => table(target.properties.local.properties),
    remote: () => table(target.properties.remote.properties),
    hybrid: () => table(target.properties.hybrid.properties),
    component: () => table(component.properties, component.required),
    capabilities: () => capabilityTable(capabilities),
  };
  return text.replace(
    /(<!-- reference:(\w+) -->\n)[\s\S]*?(<!-- \/reference -->)/g,
    (_, start, name, end) => `${start}${tables[name]()}\n${end}`,
  );
}

function only(properties, keep) {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => keep(name)));
}

function settings({ name, spec }) {
  return `#### ${name}\n\n${spec.summary}\n\n${table(spec.config)}\n`;
}

function table(properties, required = []) {
  const rows = Object.entries(properties)
    .filter(([, schema]) => !schema.deprecated)
    .map(([name, schema]) => [
      `\`${name}\``,
      typeWords(schema),
      required.includes(name) ? 'required' : defaultOf(schema),
      schema.description ?? '',
    ]);
  return grid(['key', 'type', 'default', 'meaning'], rows);
}

function capabilityTable(capabilities) {
  const rows = Object.entries(capabilities).map(([name, { required, optional, secret }]) => [
    `\`${name}\``,
    required.map((field) => `\`${field}\``).join(', '),
    [
      ...optional.map((field) => `\`${field}\``),
      ...(secret === undefined ? [] : [`\`secret\` {name, ${secret.join(', ')}}`]),
    ].join(', '),
  ]);
  return grid(['capability', 'fields', 'fields that may be missing'], rows);
}

function grid(titles, rows) {
  const line = (cells) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [line(titles), `|${titles.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n');
}

function defaultOf({ default: value }) {
  if (value === undefined) return '';
  if (value !== null && typeof value === 'object' && Object.keys(value).length === 0) return '';
  return `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
}

function typeWords(schema) {
  if (schema.const !== undefined) return `\`${schema.const}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  const options = schema.anyOf ?? schema.oneOf;
  if (options !== undefined) return [...new Set(options.map(typeWords))].join(' or ');
  const types = [schema.type ?? 'any'].flat().filter((type) => type !== 'null');
  return types.map((type) => wordOf(type, schema)).join(' or ');
}

function wordOf(type, schema) {
  const words = {
    object: 'map',
    integer: 'whole number',
    string: 'text',
    boolean: 'true or false',
    any: 'anything',
  };
  if (type === 'array')
    return schema.items?.type === undefined ? 'list' : `list of ${plural(schema.items.type)}`;
  return words[type] ?? type;
}

function plural(type) {
  return { string: 'texts', object: 'maps', integer: 'numbers' }[type] ?? `${type}s`;
}
