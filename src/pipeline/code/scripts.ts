import { LATEST, VERSIONS } from '../export/code.ts';

/**
 * Finds out what is on the disk: `sh -c LOOK sh DISK VERSION`, with the paths of the new version as
 * standard input, one on a line. Prints the version to start from, and checksums of its files.
 */
export const LOOK = `set -eu
cd "$1"
mkdir -p ${VERSIONS}
cat > "${VERSIONS}/.$2.files"
base=
if [ -d "${VERSIONS}/$2" ]; then base=$2
elif [ -d ${LATEST} ]; then base=$(basename "$(cd ${LATEST} && pwd -P)")
fi
echo "base $base"
[ -n "$base" ] || exit 0
cd "${VERSIONS}/$base"
tr '\\n' '\\0' < "../.$2.files" | xargs -0 sha256sum -- 2>/dev/null || true`;

/** What STORE exits with when the code on the disk is not what it should be. */
export const MISMATCH = 66;

/**
 * Makes a version out of the one before and a tar archive of what is new, with all checksums in
 * `.datamill-upload`: `sh -c STORE sh DISK VERSION BASE KEEP [VERSION...]`. With KEEP above 0 that
 * many versions stay, and those that are named.
 */
export const STORE = `set -eu
cd "$1/${VERSIONS}"
version=$2 base=$3 keep=$4
shift 4
new=".$version.$$"
trap 'rm -rf "$new"' EXIT
if [ "$base" = "$version" ]; then new=$version; trap - EXIT
else
  mkdir "$new"
  if [ -n "$base" ]; then
    cp -a "$base/." "$new/"
    { grep -Fxv -f ".$version.files" "$base.files" || true; } | tr '\\n' '\\0' | (cd "$new" && xargs -0 rm -f --)
  fi
fi
tar -x -o -f - -C "$new"
mv -f "$new/.datamill-upload" ".$version.sums"
(cd "$new" && sha256sum -c "../.$version.sums" >/dev/null 2>&1) || exit ${MISMATCH}
mv -f ".$version.files" "$version.files"
rm -f ".$version.sums"
if [ "$new" != "$version" ]; then
  if [ -d "$version" ]; then rm -rf "$new"; else mv "$new" "$version"; fi
fi
touch "$version"
ln -sfn "versions/$version" ../latest
[ "$keep" -gt 0 ] || exit 0
ls -1t | grep -E '^[0-9a-f]+$' | tail -n "+$((keep + 1))" | while read -r old; do
  case " $* " in *" $old "*) continue ;; esac
  rm -rf "$old" "$old.files"
  echo "removed $old"
done`;
