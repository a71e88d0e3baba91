import { quoteWord } from './quote.ts';

/** Where pods get the code of a project from. Each version has a folder of its own on the shared disk. */
export type Code =
  /** `upload` has put it on the disk. */
  | { from: 'disk'; version: string }
  /** The first pod clones it. */
  | { from: 'git'; version: string; url: string; revision: string; folder: string }
  /** It is in the image, and the first pod puts it on the disk. */
  | { from: 'image'; version: string };

/** Where versions of the code are, in the folder of the project on the disk. */
export const VERSIONS = '.datamill/versions';
/** Link to the version that came last. */
export const LATEST = '.datamill/latest';
/** Where an image holds the project, and what it needs. */
export const IMAGE_CODE = '/opt/project';
export const IMAGE_ENVIRONMENT = '/opt/environment';

/** Goes to the folder of the code; `disk` is where the project is on the shared disk. */
export function codeLines(code: Code): string[] {
  const path = `$disk/${VERSIONS}/${code.version}`;
  return [
    'disk=$PWD',
    `code="${path}"`,
    ...(code.from === 'disk' ? onDisk(code.version) : fetched(code)),
    'cd "$code"',
  ];
}

function onDisk(version: string): string[] {
  return [
    'if [ ! -d "$code" ]; then',
    `  echo "version ${version} of the project is not on the shared disk: run datamill pipeline upload" >&2`,
    '  exit 3',
    'fi',
  ];
}

/** The first pod gets the code, the others wait for it. What earlier versions made is kept. */
function fetched(code: Exclude<Code, { from: 'disk' }>): string[] {
  return [
    `mkdir -p "$disk/${VERSIONS}"`,
    'exec 8>"$code.lock"',
    'flock 8',
    'if [ ! -d "$code" ]; then',
    '  rm -rf "$code.new" "$code.source"',
    '  mkdir "$code.new"',
    ...(code.from === 'git' ? cloned(code) : [`  cp -a ${IMAGE_CODE}/. "$code.source"`]),
    `  ${CARRY_OVER.replaceAll('\n', '\n  ')}`,
    '  cp -a "$code.source/." "$code.new/"',
    `  (cd "$code.source" && find . -type f) > "$code.files"`,
    '  rm -rf "$code.source"',
    '  mv "$code.new" "$code"',
    `  ln -sfn "versions/${code.version}" "$disk/${LATEST}"`,
    'fi',
    'exec 8>&-',
  ];
}

function cloned({ url, revision, folder }: Extract<Code, { from: 'git' }>): string[] {
  const source = quoteWord(folder === '' ? '.' : folder);
  return [
    '  rm -rf "$code.clone"',
    '  git init --quiet "$code.clone"',
    '  # Not every server hands out a single commit.',
    `  git -C "$code.clone" fetch --quiet --depth 1 ${quoteWord(url)} ${revision} 2>/dev/null || git -C "$code.clone" fetch --quiet ${quoteWord(url)} '+refs/*:refs/all/*'`,
    `  git -C "$code.clone" checkout --quiet --detach ${revision}`,
    '  rm -rf "$code.clone/.git"',
    `  cp -a "$code.clone"/${source}/. "$code.source"`,
    '  rm -rf "$code.clone"',
  ];
}

/** What the version before holds beside its code, which is what its tasks have made, is there in the new one. */
const CARRY_OVER = `if [ -d "$disk/${LATEST}" ]; then
  before=$(cd "$disk/${LATEST}" && pwd -P)
  cp -a "$before/." "$code.new/"
  (cd "$code.new" && tr '\\n' '\\0' < "$before.files" | xargs -0 rm -f --)
fi`;
