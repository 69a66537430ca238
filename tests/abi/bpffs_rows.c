// SPDX-License-Identifier: BSD-2-Clause
/*
 * System calls on a bpffs directory, one row each: what the kernel answers, pinfs must.
 *
 * bpffs_rows [DIR]: works in DIR, an empty directory of a bpffs; without it in
 * a fresh one below /sys/fs/bpf. Inode numbers, devices and times are printed
 * as relations only.
 *
 *     map, prog, text     pins: a hash map, a program, an array with BTF
 *     sub, sub/in         a directory, a pin in it
 *     link, dlink, lost   symlinks to map, to sub, to nothing
 */
#include "abi/bpffs_rows.h"

static void setup(void)
{
	memset(name_255, 'n', 255);
	memset(name_256, 'n', 256);
	make_objects();
	umask(022);
	must(pin(map_fd, R("map")) == 0 && pin(prog_fd, R("prog")) == 0 && pin(text_fd, R("text")) == 0,
	     "pins");
	must(mkdir(R("sub"), 0755) == 0 && pin(in_fd, R("sub/in")) == 0, "a directory with a pin");
	must(symlink("map", R("link")) == 0 && symlink("sub", R("dlink")) == 0, "symlinks");
	must(symlink("nowhere", R("lost")) == 0 && symlink("loop", R("loop")) == 0, "dangling symlinks");
	dir_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(dir_fd >= 0, "the directory");
}

static void stat_rows(void)
{
	struct stat a, b;

	facts("stat pin", R("map"), 0);
	facts("stat program pin", R("prog"), 0);
	facts("stat map with BTF", R("text"), 0);
	facts("stat directory", R("sub"), 0);
	facts("stat through a symlink", R("link"), 0);
	facts("stat through a symlink to a directory", R("dlink/in"), 0);
	facts("lstat symlink", R("link"), AT_SYMLINK_NOFOLLOW);
	facts("lstat symlink with a slash", R("dlink/"), AT_SYMLINK_NOFOLLOW);
	facts("stat dangling symlink", R("lost"), 0);
	facts("lstat dangling symlink", R("lost"), AT_SYMLINK_NOFOLLOW);
	facts("stat loop", R("loop"), 0);
	facts("stat missing", R("missing"), 0);
	facts("stat below a pin", R("map/x"), 0);
	facts("stat pin with a slash", R("map/"), 0);
	facts("stat directory with a slash", R("sub/"), 0);
	facts("stat name with a dot", R("a.b"), 0);
	facts("stat name that is two dots more", R("..."), 0);
	facts("stat below a name with a dot", R("a.b/c"), 0);
	facts("stat sub/..", R("sub/../map"), 0);
	facts("stat sub/.", R("sub/./in"), 0);
	facts("stat with many slashes", R("sub///in"), 0);
	facts("stat name of 255", R(name_255), 0);
	facts("stat name of 256", R(name_256), 0);
	facts_x("statx pin", R("map"), 0);
	facts_x("statx directory", R("sub"), 0);
	facts_x("statx symlink", R("link"), AT_SYMLINK_NOFOLLOW);
	facts_x("statx missing", R("missing"), 0);
	say("stat by dirfd");
	result(fstatat(dir_fd, "map", &a, 0));
	VALUE("the same inode", "%d", !stat(R("map"), &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	VALUE("map and program differ", "%d", same_inode(R("map"), R("prog")));
	VALUE("symlink and target differ", "%d", same_inode(R("map"), R("link")));
	VALUE("directory by fd and by path", "%d",
	      !fstat(dir_fd, &a) && !stat(root, &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev);
	VALUE("one device", "%d", !stat(R("map"), &a) && !stat(root, &b) && a.st_dev == b.st_dev);
	ROW("stat with a bad pointer", syscall(SYS_stat, R("map"), 8));
	ROW("stat of a bad pointer", syscall(SYS_stat, 8, &a));
	ROW("fstatat bad dirfd", fstatat(9999, "map", &a, 0));
	ROW("fstatat dirfd is a pin's", fstatat(map_fd, "map", &a, 0));
}

static void access_rows(void)
{
	ROW("access F_OK", access(R("map"), F_OK));
	ROW("access R_OK|W_OK", access(R("map"), R_OK | W_OK));
	ROW("access X_OK of a pin", access(R("map"), X_OK));
	ROW("access X_OK of a directory", access(R("sub"), X_OK));
	ROW("access missing", access(R("missing"), F_OK));
	ROW("access dangling", access(R("lost"), F_OK));
	ROW("access bad mode", access(R("map"), 64));
	ROW("access dot", access(R("x.y"), F_OK));
	ROW("faccessat by dirfd", faccessat(dir_fd, "sub/in", R_OK, 0));
	ROW("faccessat2 nofollow", faccessat(dir_fd, "lost", F_OK, AT_SYMLINK_NOFOLLOW));
}

static void statfs_rows(void)
{
	struct statfs s;
	int fd;

	facts_fs("statfs directory", statfs(root, &s), &s);
	facts_fs("statfs pin", statfs(R("map"), &s), &s);
	facts_fs("statfs through a symlink", statfs(R("link"), &s), &s);
	facts_fs("statfs missing", statfs(R("missing"), &s), &s);
	facts_fs("fstatfs directory", fstatfs(dir_fd, &s), &s);
	fd = open(R("map"), O_PATH);
	facts_fs("fstatfs O_PATH", fstatfs(fd, &s), &s);
	close(fd);
	say("fstatfs object");
	say(": type %lx\n", fstatfs(map_fd, &s) ? 0ul : (unsigned long)s.f_type);
}

/* open(2) of each kind of file in each way. */
static void open_matrix(void)
{
	static const char *const names[] = { "map",   "prog", "text",    "sub", "link",
					     "dlink", "lost", "missing", "a.b" };
	static const struct {
		const char *name;
		int flags;
	} ways[] = {
		{ "O_RDONLY", O_RDONLY },
		{ "O_WRONLY", O_WRONLY },
		{ "O_RDWR", O_RDWR },
		{ "O_RDONLY|O_TRUNC", O_RDONLY | O_TRUNC },
		{ "O_WRONLY|O_APPEND", O_WRONLY | O_APPEND },
		{ "O_RDWR|O_CREAT", O_RDWR | O_CREAT },
		{ "O_RDWR|O_CREAT|O_EXCL", O_RDWR | O_CREAT | O_EXCL },
		{ "O_PATH", O_PATH },
		{ "O_PATH|O_NOFOLLOW", O_PATH | O_NOFOLLOW },
		{ "O_RDONLY|O_NOFOLLOW", O_RDONLY | O_NOFOLLOW },
		{ "O_DIRECTORY", O_RDONLY | O_DIRECTORY },
	};

	for (size_t n = 0; n < ARRAY_SIZE(names); n++)
		for (size_t w = 0; w < ARRAY_SIZE(ways); w++) {
			/* Where nothing is mounted, no fd of a symlink can be given away. */
			if (ways[w].flags == (O_PATH | O_NOFOLLOW) && (n >= 4 && n <= 6))
				continue;
			say("open %s %s", names[n], ways[w].name);
			result_fd(open(R(names[n]), ways[w].flags, 0600));
		}
}

static void open_rows(void)
{
	ROW_FD("creat new", creat(R("fresh"), 0600));
	ROW_FD("creat existing", creat(R("map"), 0600));
	ROW_FD("creat dot", creat(R("fr.sh"), 0600));
	ROW_FD("creat with a slash", creat(R("fresh/"), 0600));
	ROW_FD("O_TMPFILE", open(root, O_TMPFILE | O_RDWR, 0600));
	ROW_FD("O_TMPFILE read-only", open(root, O_TMPFILE | O_RDONLY, 0600));
	ROW_FD("O_TMPFILE on a pin", open(R("map"), O_TMPFILE | O_RDWR, 0600));
	ROW_FD("directory O_DIRECT", open(R("sub"), O_RDONLY | O_DIRECT));
	ROW_FD("text O_DIRECT", open(R("text"), O_RDONLY | O_DIRECT));
	ROW_FD("O_CREAT|O_DIRECTORY", open(R("sub"), O_CREAT | O_DIRECTORY, 0600));
	ROW_FD("openat by dirfd", openat(dir_fd, "map", O_RDONLY));
	ROW_FD("openat . by dirfd", openat(dir_fd, ".", O_RDONLY));
	ROW_FD("openat .. by dirfd", openat(dir_fd, "..", O_RDONLY));
	ROW_FD("openat sub by dirfd", openat(dir_fd, "sub", O_RDONLY | O_DIRECTORY));
	ROW_FD("openat empty", openat(dir_fd, "", O_RDONLY));
	ROW_FD("openat bad dirfd", openat(9999, "map", O_RDONLY));
	ROW_FD("open pin with a slash", open(R("map/"), O_RDONLY));
	ROW_FD("open directory with a slash", open(R("sub/"), O_RDONLY));
	ROW_FD("open below a pin", open(R("map/x"), O_RDONLY));
	ROW_FD("open loop", open(R("loop"), O_RDONLY));
	ROW_FD("open name of 256", open(R(name_256), O_RDONLY));
}

static void text_rows(void)
{
	char buf[TEXT_MAX] = "";
	int fd = open(R("text"), O_RDONLY);
	ssize_t n;

	n = read(fd, buf, sizeof(buf) - 1);
	VALUE("text: length", "%zd", n);
	VALUE("text", "%s", n > 0 ? buf : "");
	VALUE("text: read on", "%zd", read(fd, buf, sizeof(buf)));
	close(fd);
	fd = open(R("text"), O_RDONLY);
	VALUE("text: pread at 2", "%zd", pread(fd, buf, 7, 2));
	VALUE("text: pread gives", "%.7s", buf);
	VALUE("text: pread beyond", "%zd", pread(fd, buf, 7, 100000));
	ROW("text: map operation on it", next_key(fd));
	ROW_FD("text: get by OBJ_GET", get(R("text")));
	close(fd);
	fd = open(R("text"), O_RDONLY);
	n = readlink(in_proc("/proc/self/fd/%d", fd), buf, sizeof(buf) - 1);
	buf[n < 0 ? 0 : n] = 0;
	VALUE("text: its own link", "%s", strcmp(buf, R("text")) ? buf : "the path");
	close(fd);
}

static void dir_rows(void)
{
	ROW("mkdir", mkdir(R("new"), 0777));
	facts("mkdir: mode by umask", R("new"), 0);
	ROW("mkdir again", mkdir(R("new"), 0777));
	ROW("mkdir over a pin", mkdir(R("map"), 0777));
	ROW("mkdir over a symlink", mkdir(R("lost"), 0777));
	ROW("mkdir with a slash", mkdir(R("slash/"), 0700));
	facts("mkdir with a slash: there", R("slash"), 0);
	ROW("mkdir in nothing", mkdir(R("missing/x"), 0777));
	ROW("mkdir in a pin", mkdir(R("map/x"), 0777));
	ROW("mkdir dot", mkdir(R("new.d"), 0777));
	ROW("mkdir .", mkdir(R("new/."), 0777));
	ROW("mkdir ..", mkdir(R("new/.."), 0777));
	ROW("mkdir name of 256", mkdir(R(name_256), 0777));
	ROW("mkdirat", mkdirat(dir_fd, "new/deep", 02755));
	facts("mkdirat: setgid is not given", R("new/deep"), 0);
	facts("a subdirectory counts", R("new"), 0);
	ROW("chmod setgid", chmod(R("new"), 02755));
	ROW("mkdir below setgid", mkdir(R("new/inherits"), 0755));
	facts("mkdir below setgid: inherits", R("new/inherits"), 0);
	ROW("rmdir not empty", rmdir(R("new")));
	ROW("rmdir", rmdir(R("new/inherits")));
	ROW("rmdir with a slash", rmdir(R("new/deep/")));
	ROW("rmdir .", rmdir(R("new/.")));
	ROW("rmdir ..", rmdir(R("new/..")));
	ROW("rmdir pin", rmdir(R("map")));
	ROW("rmdir symlink to a directory", rmdir(R("dlink")));
	ROW("rmdir missing", rmdir(R("missing")));
	ROW("rmdir dot", rmdir(R("a.b")));
	ROW("rmdir the new ones", rmdir(R("new")));
	ROW("unlinkat AT_REMOVEDIR", unlinkat(dir_fd, "slash", AT_REMOVEDIR));
}

static void node_rows(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	ROW("mkfifo", mkfifo(R("fifo"), 0600));
	ROW("mkfifo over a pin", mkfifo(R("map"), 0600));
	ROW("mknod regular", mknod(R("node"), S_IFREG | 0600, 0));
	ROW("mknod type 0", mknod(R("node"), 0600, 0));
	ROW("mknod device", mknod(R("node"), S_IFCHR | 0600, makedev(1, 3)));
	ROW("mknod block device", mknod(R("node"), S_IFBLK | 0600, makedev(1, 3)));
	ROW("mknod socket", mknod(R("node"), S_IFSOCK | 0600, 0));
	ROW("mknod directory", mknod(R("node"), S_IFDIR | 0600, 0));
	ROW("mknod bad type", mknod(R("node"), S_IFMT | 0600, 0));
	ROW("mknod dot", mknod(R("no.de"), S_IFIFO | 0600, 0));
	ROW("mknodat over a directory", mknodat(dir_fd, "sub", S_IFREG | 0600, 0));
	snprintf(un.sun_path, sizeof(un.sun_path), "%.100s", R("sock"));
	ROW("bind", bind(s, (struct sockaddr *)&un, sizeof(un)));
	close(s);
}

static void link_rows(void)
{
	char buf[64];

	ROW("link pin", link(R("map"), R("hard")));
	facts("link: count", R("map"), 0);
	VALUE("link: one inode", "%d", same_inode(R("map"), R("hard")));
	ROW_FD("link: OBJ_GET", get(R("hard")));
	ROW("link over a pin", link(R("map"), R("prog")));
	ROW("link directory", link(R("sub"), R("hard2")));
	ROW("link missing", link(R("missing"), R("hard2")));
	ROW("link to a dot", link(R("map"), R("hard.2")));
	ROW("link from a dot", link(R("ma.p"), R("hard2")));
	ROW("link into another directory", link(R("map"), R("sub/hard2")));
	ROW("link out of the bpffs", link(R("map"), "/tmp/bpffs-rows-out"));
	ROW("link out, over what is there", link(R("map"), "/tmp"));
	ROW("link into the bpffs", link("/etc/passwd", R("passwd")));
	ROW("link symlink", link(R("link"), R("link2")));
	facts("link symlink: a symlink", R("link2"), AT_SYMLINK_NOFOLLOW);
	ROW("linkat follow", linkat(dir_fd, "link", dir_fd, "hard3", AT_SYMLINK_FOLLOW));
	facts("linkat follow: a pin", R("hard3"), AT_SYMLINK_NOFOLLOW);
	ROW("linkat bad flag", linkat(dir_fd, "map", dir_fd, "hard4", 1));
	ROW("unlink hard link", unlink(R("hard")));
	ROW("unlinkat hard link", unlinkat(dir_fd, "hard3", 0));
	ROW("unlink symlink's second name", unlink(R("link2")));
	ROW("unlink in sub", unlink(R("sub/hard2")));
	facts("link: count after", R("map"), 0);
	ROW("symlink", symlink("to/any.where", R("sym")));
	ROW("symlink again", symlink("x", R("sym")));
	ROW("symlink dot", symlink("x", R("sy.m")));
	ROW("symlink empty", symlink("", R("sym2")));
	ROW("symlink in nothing", symlink("x", R("missing/y")));
	ROW("symlink to a dotted name: open", open(R("sym"), O_RDONLY));
	memset(buf, 0, sizeof(buf));
	VALUE("readlink", "%zd %s", readlink(R("sym"), buf, sizeof(buf) - 1), buf);
	memset(buf, 0, sizeof(buf));
	VALUE("readlink cut", "%zd %s", readlink(R("sym"), buf, 4), buf);
	ROW("readlink size 0", readlink(R("sym"), buf, 0));
	ROW("readlink pin", readlink(R("map"), buf, sizeof(buf)));
	ROW("readlink directory", readlink(R("sub"), buf, sizeof(buf)));
	ROW("readlink missing", readlink(R("missing"), buf, sizeof(buf)));
	ROW("readlink dot", readlink(R("a.b"), buf, sizeof(buf)));
	ROW("unlink symlink", unlink(R("sym")));
	ROW("unlink directory", unlink(R("sub")));
	ROW("unlink missing", unlink(R("missing")));
	ROW("unlink with a slash", unlink(R("map/")));
	ROW("unlink dot", unlink(R("a.b")));
	ROW("unlinkat bad flag", unlinkat(dir_fd, "map", 1));
}

static void rename_rows(void)
{
	ROW("pin for rename", pin(ren_fd, R("ren")));
	ROW("rename", rename(R("ren"), R("ren2")));
	ROW("rename: old is gone", access(R("ren"), F_OK));
	ROW("rename missing", rename(R("ren"), R("ren3")));
	ROW("rename over a pin", rename(R("ren2"), R("prog")));
	ROW_FD("rename over a pin: is the map", get(R("prog")));
	ROW("second name", link(R("prog"), R("second")));
	ROW("rename over a second name of itself", rename(R("second"), R("prog")));
	ROW("rename over itself: both there", access(R("second"), F_OK));
	ROW("unlink the second name", unlink(R("second")));
	ROW("rename file over directory", rename(R("prog"), R("sub")));
	ROW("rename directory over file", rename(R("sub"), R("prog")));
	ROW("rename into sub", rename(R("prog"), R("sub/prog")));
	ROW("rename directory", rename(R("sub"), R("sub2")));
	ROW_FD("rename directory: in it", get(R("sub2/prog")));
	ROW("rename into itself", rename(R("sub2"), R("sub2/x")));
	ROW("rename back", rename(R("sub2"), R("sub")));
	ROW("rename to a dot", rename(R("sub/prog"), R("pr.og")));
	ROW("rename from a dot", rename(R("pr.og"), R("prog")));
	ROW("rename out of the bpffs", rename(R("sub/prog"), "/tmp/bpffs-rows-out"));
	ROW("rename into the bpffs", rename("/etc/passwd", R("passwd")));
	ROW("rename .", rename(R("sub/."), R("sub3")));
	ROW("rename to ..", rename(R("map"), R("sub/..")));
	ROW("rename with a slash", rename(R("map"), R("map2/")));
	ROW("rename NOREPLACE, taken", renameat2(dir_fd, "sub/prog", dir_fd, "map", RENAME_NOREPLACE));
	ROW("rename NOREPLACE, free", renameat2(dir_fd, "sub/prog", dir_fd, "prog", RENAME_NOREPLACE));
	ROW("rename EXCHANGE", renameat2(dir_fd, "text", dir_fd, "prog", RENAME_EXCHANGE));
	facts("rename EXCHANGE: moved", R("text"), 0);
	ROW("rename EXCHANGE back", renameat2(dir_fd, "text", dir_fd, "prog", RENAME_EXCHANGE));
	ROW("rename EXCHANGE with nothing", renameat2(dir_fd, "text", dir_fd, "missing", RENAME_EXCHANGE));
	ROW("rename EXCHANGE pin and directory", renameat2(dir_fd, "prog", dir_fd, "sub", RENAME_EXCHANGE));
	ROW("rename EXCHANGE again", renameat2(dir_fd, "prog", dir_fd, "sub", RENAME_EXCHANGE));
	ROW("rename WHITEOUT", renameat2(dir_fd, "prog", dir_fd, "white", RENAME_WHITEOUT));
	ROW("rename bad flag", renameat2(dir_fd, "prog", dir_fd, "white", 64));
	ROW("rename NOREPLACE|EXCHANGE",
	    renameat2(dir_fd, "prog", dir_fd, "white", RENAME_NOREPLACE | RENAME_EXCHANGE));
	ROW("unlink renamed", unlink(R("prog")));
	ROW("pin again", pin(prog_fd, R("prog")));
}

static void attr_rows(void)
{
	struct timespec ts[2] = { { 1000, 5 }, { 2000, 6 } };
	struct utimbuf ub = { 10, 20 };
	struct timeval tv[2] = { { 1, 2 }, { 3, 2000000 } };
	struct stat st;
	char buf[64];

	ROW("chmod", chmod(R("map"), 0640));
	facts("chmod: stored", R("map"), 0);
	ROW("chmod setuid", chmod(R("map"), 04600));
	facts("chmod setuid: stored", R("map"), 0);
	ROW("chmod missing", chmod(R("missing"), 0600));
	ROW("chmod through symlink", chmod(R("link"), 0600));
	ROW("chmod directory", chmod(R("sub"), 01755));
	facts("chmod directory: stored", R("sub"), 0);
	ROW("fchmodat", fchmodat(dir_fd, "sub", 0755, 0));
	ROW("chown", chown(R("map"), 12, 34));
	facts("chown: stored", R("map"), 0);
	ROW("lchown symlink", lchown(R("link"), 5, 6));
	facts("lchown: stored", R("link"), AT_SYMLINK_NOFOLLOW);
	ROW("fchownat", fchownat(dir_fd, "map", 0, 0, 0));
	ROW("fchownat bad flag", fchownat(dir_fd, "map", 0, 0, 1));
	ROW("utimensat", utimensat(dir_fd, "map", ts, 0));
	stat(R("map"), &st);
	VALUE("utimensat: stored", "%ld.%ld %ld.%ld", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
	      (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	ROW("utimensat of a symlink", utimensat(dir_fd, "link", ts, AT_SYMLINK_NOFOLLOW));
	ROW("utime", utime(R("sub"), &ub));
	stat(R("sub"), &st);
	VALUE("utime: stored", "%ld %ld", (long)st.st_atime, (long)st.st_mtime);
	ROW("utimes, a wrong time", utimes(R("sub"), tv));
	ROW("utimes now", utimes(R("sub"), NULL));
	ROW("truncate", truncate(R("map"), 100));
	facts("truncate: size", R("map"), 0);
	ROW("truncate 0", truncate(R("map"), 0));
	ROW("truncate below 0", truncate(R("map"), -1));
	ROW("truncate directory", truncate(R("sub"), 0));
	ROW("truncate missing", truncate(R("missing"), 0));
	ROW("truncate: the map works", next_key(map_fd) && errno != ENOENT);
	ROW("setxattr user", setxattr(R("map"), "user.x", "1", 1, 0));
	ROW("setxattr trusted", setxattr(R("map"), "trusted.x", "1", 1, 0));
	ROW("lsetxattr directory", lsetxattr(R("sub"), "user.x", "1", 1, 0));
	ROW("getxattr user", getxattr(R("map"), "user.x", buf, sizeof(buf)));
	ROW("lgetxattr security", lgetxattr(R("map"), "security.capability", buf, sizeof(buf)));
	ROW("getxattr acl", getxattr(R("map"), "system.posix_acl_access", buf, sizeof(buf)));
	ROW("removexattr", removexattr(R("map"), "user.x"));
	VALUE("listxattr", "%zd", listxattr(R("map"), buf, sizeof(buf)));
	ROW("listxattr missing", listxattr(R("missing"), buf, sizeof(buf)));
}

/* The newest first. */
static void readdir_rows(void)
{
	struct dirent *e;
	DIR *d;

	must(mkdir(R("list"), 0755) == 0 && pin(map_fd, R("list/a")) == 0, "a directory to list");
	must(mkdir(R("list/b"), 0755) == 0 && symlink("x", R("list/c")) == 0, "a directory to list");
	must(pin(map_fd, R("list/d")) == 0 && unlink(R("list/a")) == 0, "a directory to list");
	d = opendir(R("list"));
	must(d != NULL, "the directory");
	say("readdir:");
	while ((e = readdir(d)))
		say(" %s/%d", e->d_name, e->d_type);
	say("\n");
	closedir(d);
	ROW("remove a listed one",
	    unlink(R("list/d")) || unlink(R("list/c")) || rmdir(R("list/b")) || rmdir(R("list")));
}

static void relative_rows(void)
{
	char cwd[512] = "";
	int here = open(".", O_PATH | O_DIRECTORY), sub = open(R("sub"), O_PATH | O_DIRECTORY);

	ROW("fchdir", fchdir(dir_fd));
	VALUE("getcwd", "%s", getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, root) ? "the directory" : cwd);
	ROW("relative stat", access("map", F_OK));
	ROW("relative open", open("map", O_RDONLY));
	ROW("relative mkdir", mkdir("rel", 0700));
	ROW("relative rename", rename("rel", "sub/rel"));
	ROW("relative rmdir", rmdir("sub/rel"));
	ROW_FD("relative OBJ_GET", get("sub/in"));
	ROW("relative OBJ_PIN", pin(map_fd, "relpin"));
	ROW("relative unlink", unlink("./relpin"));
	ROW("relative ..", access("sub/../map", F_OK));
	ROW("relative dot", access("a.b", F_OK));
	ROW("openat by an O_PATH directory", openat(sub, "in", O_RDONLY));
	ROW("fstatat .. of a subdirectory", faccessat(sub, "../map", F_OK, 0));
	must(fchdir(here) == 0, "the old directory");
	close(here);
	close(sub);
}

static void outside_rows(void)
{
	char dir[] = "/tmp/bpffs-rows-XXXXXX", path[64];

	must(mkdtemp(dir) != NULL, "a directory");
	snprintf(path, sizeof(path), "%s/l", dir);
	must(symlink(R("map"), path) == 0, "a symlink");
	facts("stat by a symlink from outside", path, 0);
	ROW_FD("open by a symlink from outside", open(path, O_RDONLY));
	ROW_FD("OBJ_GET by a symlink from outside", get(path));
	ROW("OBJ_PIN onto a symlink from outside", pin(map_fd, path));
	unlink(path);
	must(symlink(root, path) == 0, "a symlink to the directory");
	strcat(path, "/sub/in");
	facts("stat below a symlink from outside", path, 0);
	ROW("unlink below a symlink from outside", unlink(path));
	ROW("pin below a symlink from outside", pin(in_fd, path));
	strcpy(strrchr(path, '/') + 1, "../map");
	facts("stat .. below a symlink from outside", path, 0);
	snprintf(path, sizeof(path), "%s/l", dir);
	unlink(path);
	ROW_FD("OBJ_GET outside", get("/etc/passwd"));
	snprintf(path, sizeof(path), "%s/x", dir);
	ROW("OBJ_PIN outside", pin(map_fd, path));
	ROW("mkdir outside", mkdir(path, 0700));
	ROW("rmdir outside", rmdir(path));
	rmdir(dir);
}

static void show_link(const char *name, int fd)
{
	char buf[512] = "";
	ssize_t n = readlink(in_proc("/proc/self/fd/%d", fd), buf, sizeof(buf) - 1);

	VALUE(name, "%zd %s", n < 0 ? n : (ssize_t)strlen(buf) - n,
	      strcmp(buf, root) ? buf : "the directory");
}

/* The lines of fdinfo behind the first four, without ids and memory sizes. */
static void show_fdinfo(const char *name, int fd)
{
	FILE *f = fopen(in_proc("/proc/self/fdinfo/%d", fd), "r");
	char line[256];

	must(f != NULL, "fdinfo");
	for (int i = 0; fgets(line, sizeof(line), f); i++) {
		char *value = strchr(line, '\t');

		if (value && (i == 2 || i == 3 || strstr(line, "_id:") || strstr(line, "memlock") ||
			      strstr(line, "jited")))
			strcpy(value, "\tN\n");
		say("%s: %s", name, line);
	}
	fclose(f);
}

static void proc_rows(void)
{
	int btf = world_btf(), fd;
	char buf[16];

	show_link("readlink of a map's fd", map_fd);
	show_link("readlink of a program's fd", prog_fd);
	show_link("readlink of a BTF's fd", btf);
	show_link("readlink of a directory's fd", dir_fd);
	fd = get(R("map"));
	show_link("readlink of an fd by OBJ_GET", fd);
	close(fd);
	VALUE("readlink cut", "%zd", readlink(in_proc("/proc/self/fd/%d", map_fd), buf, 4));
	ROW_FD("open of a map's fd", open(in_proc("/proc/self/fd/%d", map_fd), O_RDONLY));
	ROW_FD("open of a program's fd", open(in_proc("/dev/fd/%d", prog_fd), O_RDONLY));
	ROW_FD("open of a directory's fd", open(in_proc("/proc/self/fd/%d", dir_fd), O_RDONLY));
	facts("stat of a map's fd", in_proc("/proc/self/fd/%d", map_fd), 0);
	show_fdinfo("fdinfo map", map_fd);
	show_fdinfo("fdinfo array", text_fd);
	show_fdinfo("fdinfo program", prog_fd);
	show_fdinfo("fdinfo BTF", btf);
	ROW("ftruncate of a map's fd", ftruncate(map_fd, 0));
	ROW("fallocate of a map's fd", fallocate(map_fd, 0, 0, 10));
	ROW("fchmod of a map's fd", fchmod(map_fd, 0600));
	ROW("fchown of a map's fd", fchown(map_fd, 0, 0));
	close(btf);
}

static void inotify_rows(void)
{
	int in = inotify_init1(IN_NONBLOCK);
	char buf[1024] __attribute__((aligned(8)));
	const struct inotify_event *e;
	ssize_t n;

	ROW("inotify_add_watch", inotify_add_watch(in, root, IN_CREATE | IN_DELETE));
	ROW("inotify: pin", pin(map_fd, R("seen")));
	ROW_FD("inotify: get", get(R("seen")));
	ROW("inotify: unlink", unlink(R("seen")));
	n = read(in, buf, sizeof(buf));
	for (char *p = buf; p < buf + n; p += sizeof(*e) + e->len) {
		e = (const struct inotify_event *)p;
		VALUE("inotify event", "%x %s", e->mask, e->len ? e->name : "");
	}
	close(in);
}

/* The line of DIR in a list of mounts, from the field on that does not differ. */
static void show_mount(const char *name, const char *list_path, const char *dir)
{
	FILE *f = fopen(list_path, "r");
	char line[1024], *p;

	must(f != NULL, "the list of mounts");
	while (fgets(line, sizeof(line), f)) {
		p = strstr(line, dir);
		if (!p || p[strlen(dir)] != ' ')
			continue;
		if (strstr(line, " - "))
			say("%s: %s", name, strstr(line, " - ") + 3);
		else
			say("%s: %.*s%s", name, (int)strcspn(line, " "), line, p + strlen(dir));
	}
	fclose(f);
}

/* Mounts with the options, shows it, and takes it away. */
static void one_mount(const char *dir, unsigned long flags, const char *options)
{
	char name[300];
	int r;

	say("mount -o %s%s", flags & MS_RDONLY ? "ro," : "", options ? options : "(none)");
	r = result(mount("src", dir, "bpf", flags, options));
	if (r)
		return;
	snprintf(name, sizeof(name), "mounted with %s", options ? options : "nothing");
	facts(name, dir, 0);
	show_mount("in mounts", "/proc/self/mounts", dir);
	show_mount("in mountinfo", "/proc/self/mountinfo", dir);
	ROW("umount", umount(dir));
}

static void read_only_rows(const char *dir)
{
	char path[128], other[128];

	ROW("mount read-only", mount("bpf", dir, "bpf", MS_RDONLY, NULL));
	snprintf(path, sizeof(path), "%s/x", dir);
	snprintf(other, sizeof(other), "%s/y", dir);
	ROW("read-only: pin", pin(map_fd, path));
	ROW("read-only: mkdir", mkdir(path, 0700));
	ROW("read-only: unlink", unlink(path));
	ROW("read-only: symlink", symlink("x", path));
	ROW("read-only: rename", rename(path, other));
	ROW("read-only: access", access(dir, W_OK));
	ROW("read-only: stat", access(path, F_OK));
	ROW("read-only: umount", umount(dir));
}

static void mount_rows(void)
{
	static const char *const options[] = {
		NULL,
		"mode=0700",
		"mode=777",
		"mode=0",
		"mode=8",
		"mode=",
		"mode",
		"uid=5",
		"gid=7,uid=0",
		"uid=-1",
		"uid=4294967295",
		"uid=x",
		"nosuchopt",
		"foo=bar,mode=750",
		"delegate_cmds=any",
		"delegate_cmds=map_create:prog_load",
		"delegate_maps=0x6",
		"delegate_maps=hash:array",
		"delegate_progs=xdp",
		"delegate_attachs=cgroup_inet_ingress",
		"delegate_cmds=nosuch",
	};
	char dir[] = "/tmp/bpffs-rows-XXXXXX", path[64], up[64];
	int fd;

	must(mkdtemp(dir) != NULL, "a directory");
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		one_mount(dir, 0, options[i]);
	read_only_rows(dir);
	snprintf(path, sizeof(path), "%s/x", dir);
	snprintf(up, sizeof(up), "%s/file", dir);
	ROW("mount on nothing", mount("bpf", path, "bpf", 0, NULL));
	close(open(up, O_CREAT | O_WRONLY, 0600));
	ROW("mount on a file", mount("bpf", up, "bpf", 0, NULL));
	ROW("private, no mount point", mount("", dir, "none", MS_PRIVATE | MS_REC, NULL));
	ROW("bind on itself", mount(dir, dir, "none", MS_BIND, NULL));
	ROW("private", mount("", dir, "none", MS_PRIVATE | MS_REC, NULL));
	ROW("mount", mount("bpf", dir, "bpf", 0, "mode=0700"));
	ROW("remount", mount("bpf", dir, "bpf", MS_REMOUNT, "mode=0755"));
	facts("remount changes nothing", dir, 0);
	ROW("pin in it", pin(map_fd, path));
	ROW("the files are hidden", access(up, F_OK));
	ROW("another instance has no such pin", access(R("x"), F_OK));
	ROW("rename across instances", rename(path, R("x")));
	ROW("link across instances", link(path, R("x")));
	ROW("mount over it", mount("two", dir, "bpf", 0, NULL));
	ROW("the new one is empty", access(path, F_OK));
	ROW("umount the upper", umount(dir));
	ROW_FD("the pin is back", get(path));
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	ROW("umount while open", umount(dir));
	close(fd);
	fd = get(path);
	ROW("umount while an object is open", umount(dir));
	close(fd);
	ROW("umount the bind", umount(dir));
	ROW("umount what is none", umount(dir));
	ROW("umount in a bpffs", umount(R("sub")));
	ROW("the files are back", unlink(up));
	rmdir(dir);
}

static void cleanup(void)
{
	static const char *const names[] = {
		"map", "prog", "text", "sub/in", "link", "dlink", "lost", "loop"
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		say("remove %s", names[i]);
		result(unlink(R(names[i])));
	}
	ROW("remove sub", rmdir(R("sub")));
	ROW("the directory is empty", rmdir(root));
}

int main(int argc, char **argv)
{
	if (argc > 1)
		must(realpath(argv[1], root) != NULL, argv[1]);
	else
		snprintf(root, sizeof(root), "%s", world_bpffs());
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	setup();
	stat_rows();
	access_rows();
	statfs_rows();
	open_matrix();
	open_rows();
	text_rows();
	dir_rows();
	node_rows();
	link_rows();
	rename_rows();
	attr_rows();
	readdir_rows();
	relative_rows();
	outside_rows();
	proc_rows();
	inotify_rows();
	mount_rows();
	close(dir_fd);
	cleanup();
	return 0;
}
