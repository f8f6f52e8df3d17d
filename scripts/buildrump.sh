#!/bin/sh
# buildrump.sh installs a kit: the libraries of NetBSD's kernel that the rump
# backend runs. It takes them from where they are already built, and compiles
# nothing. Run it with --help.

set -u
LC_ALL=C
export LC_ALL

usage() {
	cat <<'EOF'
usage: buildrump.sh --sets DIR|FILE|URL [--prefix DIR]
       buildrump.sh --release VERSION [--machine NAME] [--prefix DIR]
       buildrump.sh --from DIR [--prefix DIR]

Installs a kit of NetBSD's kernel libraries (librump*.so).

  --sets DIR|FILE|URL  NetBSD's base set: base.tgz or base.tar.xz, or the
                       folder or address that has it
  --release VERSION    the base set of a release, such as 10.1, from NetBSD's
                       own servers, checked against the release's SHA512
  --machine NAME       NetBSD's name of the machine; default: this one's
  --from DIR           libraries that are built: /usr/lib of a NetBSD host, a
                       DESTDIR, or any folder with librump.so in it
  --prefix DIR         where the kit is installed; default: $ANYKERNEL_KIT, or
                       anykernel/kit below ${XDG_DATA_HOME:-~/.local/share}
  --cache DIR          where downloads are kept, also when they were
                       interrupted; default: anykernel below
                       ${XDG_CACHE_HOME:-~/.cache}
  --help               this text

What is installed is checked: that each library is one for this machine, that
it asks for no hypercall that is not answered, and that what it needs is
there. An installed kit stays as it is until the new one is complete.
EOF
}

fail() {
	echo "buildrump.sh: $*" >&2
	exit 1
}

say() { echo "buildrump.sh: $*"; }

# --- arguments

sets= release= machine= from= prefix= cache=
while [ $# -gt 0 ]; do
	case $1 in
	--help | -h) usage; exit 0 ;;
	--sets | --release | --machine | --from | --prefix | --cache)
		[ $# -ge 2 ] && [ -n "$2" ] || fail "$1 needs a value; see --help"
		eval "${1#--}=\$2"
		shift 2
		;;
	*) fail "unknown argument '$1'; see --help" ;;
	esac
done
given=0
for source in "$sets" "$release" "$from"; do
	[ -z "$source" ] || given=$((given + 1))
done
[ $given -eq 1 ] || fail "one of --sets, --release and --from is needed; see --help"
: "${HOME:=/}"
[ -n "$prefix" ] || prefix=${ANYKERNEL_KIT:-${XDG_DATA_HOME:-$HOME/.local/share}/anykernel/kit}
[ -n "$cache" ] || cache=${XDG_CACHE_HOME:-$HOME/.cache}/anykernel
while [ "${prefix%/}" != "$prefix" ] && [ "$prefix" != / ]; do prefix=${prefix%/}; done

# This machine: NetBSD's name for it, and ELF's number as od prints it.
case $(uname -m) in
x86_64 | amd64) host=amd64 elf_machine="3e 00" ;;
aarch64 | arm64 | evbarm) host=evbarm-aarch64 elf_machine="b7 00" ;;
*) fail "this machine, $(uname -m), is not supported: kits are for x86-64 and arm64" ;;
esac
[ -n "$machine" ] || machine=$host
[ "$machine" = "$host" ] || fail "libraries for $machine do not run here: this machine is NetBSD's $host"

for tool in tar od awk sed sort tr; do
	command -v $tool >/dev/null 2>&1 || fail "$tool is needed and not here"
done
command -v nm >/dev/null 2>&1 || fail "nm is needed and not here (it is in binutils)"
if command -v sha512sum >/dev/null 2>&1; then
	digest() { sha512sum "$1" | cut -d' ' -f1; }
elif command -v shasum >/dev/null 2>&1; then
	digest() { shasum -a 512 "$1" | cut -d' ' -f1; }
elif command -v cksum >/dev/null 2>&1; then
	digest() { cksum -n -a SHA512 "$1" | cut -d' ' -f1; }
else
	fail "sha512sum, shasum or cksum is needed and not here"
fi

# --- a place to work in, on the file system of the kit

parent=$(dirname "$prefix")
mkdir -p "$parent" || fail "cannot make $parent"
work=$(mktemp -d "$parent/.kit.XXXXXX") || fail "cannot make a folder in $parent"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
new=$work/kit
mkdir "$new" "$work/set" || fail "no room in $parent"

# --- getting the set

# download URL FILE goes on where an earlier download stopped.
download() {
	say "fetching $1"
	if command -v curl >/dev/null 2>&1; then
		curl -fL -sS --retry 2 -C - -o "$2" "$1"
	elif command -v wget >/dev/null 2>&1; then
		wget -q -c -O "$2" "$1"
	elif command -v ftp >/dev/null 2>&1; then
		ftp -R -V -o "$2" "$1"
	else
		fail "curl, wget or ftp is needed to fetch $1"
	fi
}

# fetch URL: the file in the cache, whole.
fetch() {
	mkdir -p "$cache" || fail "cannot make $cache"
	fetched=$cache/$(printf '%s' "${1#*://}" | tr -c 'A-Za-z0-9.-' '_')
	[ -f "$fetched" ] && return
	download "$1" "$fetched.part" || fail "could not fetch $1: run this again to go on where it stopped"
	mv "$fetched.part" "$fetched" || fail "cannot write $fetched"
}

# release_set finds the base set of a release and checks it.
release_set() {
	where=https://cdn.netbsd.org/pub/NetBSD/NetBSD-$release/$machine/binary/sets
	fetch "$where/SHA512"
	sums=$fetched
	name=$(sed -n 's/^SHA512 (\(base\.t[^)]*\)) = .*/\1/p' "$sums" | sed 1q)
	[ -n "$name" ] || fail "the list of checksums of NetBSD $release has no base set"
	want=$(sed -n "s/^SHA512 ($name) = //p" "$sums")
	fetch "$where/$name"
	if [ "$(digest "$fetched")" != "$want" ]; then
		rm -f "$fetched"
		fail "$where/$name is not what the release's checksum says; it was removed, run this again"
	fi
	archive=$fetched
}

# local_set DIR|FILE: the base set in it.
local_set() {
	archive=$1
	[ -d "$1" ] || return 0
	for archive in "$1/base.tar.xz" "$1/base.tgz"; do
		[ -f "$archive" ] && return
	done
	fail "$1 has neither base.tar.xz nor base.tgz"
}

# unpack ARCHIVE takes the libraries out of a set.
unpack() {
	case $1 in
	*.tar.xz | *.txz) filter=xz ;;
	*.tgz | *.tar.gz) filter=gzip ;;
	*) fail "$1 is neither a .tgz nor a .tar.xz" ;;
	esac
	command -v $filter >/dev/null 2>&1 || fail "$filter is needed for $1 and not here"
	[ -f "$1" ] || fail "there is no $1"
	$filter -dc "$1" >"$work/set.tar" || fail "$1 is damaged, or there is no room in $parent"
	tar -tf "$work/set.tar" >"$work/names" 2>/dev/null || fail "$1 is damaged"
	grep -E '^(\./)?(usr/)?lib/librump[a-z0-9_]*\.so[.0-9]*$' "$work/names" >"$work/wanted"
	[ -s "$work/wanted" ] || fail "$1 has no librump*.so: it is not NetBSD's base set"
	tar -xf "$work/set.tar" -C "$work/set" -T "$work/wanted" || fail "$1 is damaged, or there is no room in $parent"
	rm -f "$work/set.tar"
}

if [ -n "$release" ]; then
	release_set
elif [ -n "$sets" ]; then
	case $sets in
	file://*) local_set "${sets#file://}" ;;
	*://*.tgz | *://*.tar.gz | *://*.tar.xz | *://*.txz) fetch "$sets"; archive=$fetched ;;
	*://*) fetch "${sets%/}/base.tar.xz"; archive=$fetched ;;
	*) local_set "$sets" ;;
	esac
fi
# Where libraries are, in the order that they are looked for.
if [ -n "$from" ]; then
	[ -d "$from" ] || fail "there is no folder $from"
	archive=$from
	places="$from
$from/lib
$from/usr/lib"
else
	unpack "$archive"
	places="$work/set/usr/lib
$work/set/lib"
fi

# --- choosing the libraries

# pick FILE: in the kit a library has the plain name, whatever its version.
pick() {
	stem=$(basename "$1")
	stem=${stem%%.so*}
	case $stem in
	librumpuser | librumpclient | librumphijack | librumpres) return ;; # not of the kernel
	esac
	[ ! -e "$new/$stem.so" ] || return 0
	cp "$1" "$new/$stem.so" || fail "cannot copy $1: is there room in $parent?"
	chmod 644 "$new/$stem.so"
}

# The highest version of a library comes first. Links that lead nowhere are
# left out.
printf '%s\n' "$places" >"$work/places"
while IFS= read -r place; do
	[ -d "$place" ] || continue
	for file in $(ls "$place" | grep -E '^librump[a-z0-9_]*\.so[.0-9]*$' | sort -r); do
		[ ! -f "$place/$file" ] || pick "$place/$file"
	done
done <"$work/places"
[ -f "$new/librump.so" ] || fail "there is no librump.so in $archive"

# --- checking them

for file in "$new"/*.so; do
	head=$(od -An -v -tx1 -N20 "$file" | tr -s ' \n' ' ')
	case $head in
	" 7f 45 4c 46 02 01 "*) ;;
	*) fail "$(basename "$file") is not a 64-bit little-endian ELF file" ;;
	esac
	case $head in
	*" 03 00 $elf_machine "*) ;;
	*) fail "$(basename "$file") is not a shared object for this machine" ;;
	esac
done

# What each component defines ("D") and wants ("U").
for file in "$new"/*.so; do
	name=$(basename "$file" .so)
	case $name in
	librump) name=rump ;;
	*) name=${name#librump} ;;
	esac
	nm -D -P "$file" >"$work/nm" 2>/dev/null || fail "$(basename "$file") is damaged: nm cannot read it"
	awk -v c="$name" '
		{ sub(/@.*/, "", $1) }
		$2 == "U" { print "U", c, $1 }
		$2 ~ /^[A-TV-Z]$/ { print "D", c, $1 }' "$work/nm" || fail "no room in $parent"
done >"$work/symbols"

# The hypercalls of rumpuser(3), revision 17, with what the host halves of
# components use.
hypercalls='
init malloc free anonmmap unmap open close getfileinfo bio iovread iovwrite
syncfd clock_gettime clock_sleep getparam seterrno kill exit putchar dprintf
getrandom thread_create thread_exit thread_join curlwpop curlwp mutex_init
mutex_enter mutex_enter_nowrap mutex_tryenter mutex_exit mutex_destroy
mutex_owner rw_init rw_enter rw_tryenter rw_tryupgrade rw_downgrade rw_exit
rw_destroy rw_held cv_init cv_destroy cv_wait cv_wait_nowrap cv_timedwait
cv_signal cv_broadcast cv_has_waiters dl_bootstrap daemonize_begin
daemonize_done sp_init sp_copyin sp_copyinstr sp_copyout sp_copyoutstr
sp_anonmmap sp_raise sp_fini component_unschedule component_schedule
component_kthread component_kthread_release component_curlwp
component_switchlwp component_errtrans'

unknown=$(awk -v known="$(echo $hypercalls)" '
	BEGIN { n = split(known, k, " "); for (i = 1; i <= n; i++) ok["rumpuser_" k[i]] = 1 }
	$1 == "U" && $3 ~ /^rumpuser_/ && !($3 in ok) { print $3 " (" $2 ")" }' "$work/symbols" | sort -u | tr '\n' ' ')
[ -z "$unknown" ] || fail "these libraries are of another revision of rumpuser(3) than 17: they want $unknown"
for must in rump_init rump_syscall; do
	grep -q "^D rump $must\$" "$work/symbols" || fail "librump.so has no $must: it is no kernel"
done

# What nobody has. It matters only when it is called, and then ends the kernel
# that calls it; so it is told and not refused.
awk '
	$1 == "D" { have[$3] = 1 }
	$1 == "U" && $3 ~ /^rump/ && $3 !~ /^rumpuser_/ && $3 !~ /^rumpcomp_/ { want[$3] = want[$3] " " $2 }
	END { for (s in want) if (!(s in have)) print "  " s ", wanted by" want[s] }' "$work/symbols" | sort >"$work/orphans"
if [ -s "$work/orphans" ]; then
	say "no library has these symbols:"
	cat "$work/orphans"
fi

# --- the manifest

for file in "$new"/*.so; do
	echo "F $(basename "$file") $(digest "$file") $(($(wc -c <"$file")))"
done >>"$work/symbols"
awk '
	function component(file) {
		sub(/\.so$/, "", file)
		if (file == "librump") return "rump"
		sub(/^librump/, "", file)
		return file
	}
	function gives(c) {
		if (c ~ /^fs_/) return "file system " substr(c, 4)
		if (c ~ /^net_/) return "network " substr(c, 5)
		if (c ~ /^dev_/) return "device " substr(c, 5)
		if (c ~ /^kern_/) return "kernel " substr(c, 6)
		if (c ~ /^vfs_/) return "files " substr(c, 5)
		return "base"
	}
	$1 == "D" && !($3 in owner) { owner[$3] = $2 }
	$1 == "U" { want[++wants] = $2 " " $3 }
	$1 == "F" { file[++files] = $2; sum[$2] = $3; size[$2] = $4 }
	END {
		for (i = 1; i <= wants; i++) {
			split(want[i], w, " ")
			o = owner[w[2]]
			if (o != "" && o != w[1] && !((w[1], o) in seen)) {
				seen[w[1], o] = 1
				needs[w[1]] = needs[w[1]] (needs[w[1]] == "" ? "" : ", ") "\"" o "\""
			}
		}
		printf "{\n  \"rumpuser\": 17,\n  \"components\": [\n"
		for (i = 1; i <= files; i++) {
			f = file[i]
			c = component(f)
			printf "    {\"name\": \"%s\", \"file\": \"%s\", \"size\": %d, \"sha512\": \"%s\", \"needs\": [%s], \"gives\": \"%s\"}%s\n", \
				c, f, size[f], sum[f], needs[c], gives(c), i < files ? "," : ""
		}
		printf "  ]\n}\n"
	}' "$work/symbols" >"$new/manifest.json" && [ -s "$new/manifest.json" ] ||
	fail "cannot write the manifest: is there room in $parent?"

# --- installing

count=$(($(ls "$new" | wc -l) - 1))
if [ -f "$prefix/manifest.json" ] && cmp -s "$prefix/manifest.json" "$new/manifest.json"; then
	say "$prefix already has this kit of $count components"
	exit 0
fi
chmod 755 "$new"
if [ -e "$prefix" ]; then
	if [ ! -f "$prefix/manifest.json" ] && [ -n "$(ls -A "$prefix" 2>/dev/null)" ]; then
		fail "$prefix is there and is no kit: it was left alone"
	fi
	mv "$prefix" "$work/old" || fail "cannot replace $prefix"
fi
if ! mv "$new" "$prefix"; then
	[ ! -e "$work/old" ] || mv "$work/old" "$prefix"
	fail "cannot install to $prefix: what was there is there again"
fi
say "installed $count components in $prefix"
