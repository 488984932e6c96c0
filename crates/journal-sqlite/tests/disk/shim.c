/* Stands between a program and the system for the files of one folder: fails the n-th call, or writes down every
 * change with its bytes. Loaded with LD_PRELOAD; built by the tests with `cc`; Linux only.
 *
 *   SHIM_FOLDER  the folder; what lies beside it and begins with its name is meant too
 *   SHIM_REPORT  where the number of calls that could have failed is written at the end
 *   SHIM_FAIL    "<n> <error> <times>": EIO, ENOSPC, EINTR, EMFILE or SHORT; from the n-th call on
 *   SHIM_ONLY    "sync": only fsync and fdatasync count
 *   SHIM_TRACE   where changes are written down
 *   SHIM_BOOT    a file that is read instead of the system's boot id
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define FILES 1024
#define PATH 600

enum kind { OPEN = 1, WRITE = 2, SYNC = 4, CUT = 8, NAME = 16 };

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static char paths[FILES][PATH];
static char folder[PATH];
static long count, fail_at = -1, fail_times;
static int fail_error, fail_kinds, fail_short, trace = -1;

static int (*real_open)(const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate)(int, off_t);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);
static int (*real_close)(int);
static int (*real_mkdir)(const char *, mode_t);
static int (*real_fallocate)(int, int, off_t, off_t);

__attribute__((constructor)) static void begin(void) {
    if (real_open) return;
    real_write = dlsym(RTLD_NEXT, "write");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    real_close = dlsym(RTLD_NEXT, "close");
    real_mkdir = dlsym(RTLD_NEXT, "mkdir");
    real_fallocate = dlsym(RTLD_NEXT, "fallocate");
    real_open = dlsym(RTLD_NEXT, "open");
    const char *text = getenv("SHIM_FOLDER");
    if (text) snprintf(folder, PATH, "%s", text);
    text = getenv("SHIM_TRACE");
    if (text) trace = real_open(text, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    text = getenv("SHIM_FAIL");
    char error[16];
    if (text && sscanf(text, "%ld %15s %ld", &fail_at, error, &fail_times) == 3) {
        if (!strcmp(error, "EIO")) fail_error = EIO, fail_kinds = OPEN | WRITE | SYNC | CUT | NAME;
        if (!strcmp(error, "ENOSPC")) fail_error = ENOSPC, fail_kinds = OPEN | WRITE | CUT | NAME;
        if (!strcmp(error, "EINTR")) fail_error = EINTR, fail_kinds = OPEN | WRITE | SYNC | CUT;
        if (!strcmp(error, "EMFILE")) fail_error = EMFILE, fail_kinds = OPEN;
        if (!strcmp(error, "SHORT")) fail_short = 1, fail_kinds = WRITE;
    }
    text = getenv("SHIM_ONLY");
    if (text && !strcmp(text, "sync")) fail_kinds &= SYNC;
}

__attribute__((destructor)) static void end(void) {
    const char *text = getenv("SHIM_REPORT");
    if (!text) return;
    int report = real_open(text, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    char line[32];
    int length = snprintf(line, sizeof line, "%ld", count);
    if (real_write(report, line, (size_t)length) != length) abort();
    real_close(report);
}

static int ours(const char *path) {
    return folder[0] && path && !strncmp(path, folder, strlen(folder));
}

static const char *of(int fd) {
    return fd >= 0 && fd < FILES && paths[fd][0] ? paths[fd] : NULL;
}

/* Where acknowledgements go: never fails. */
static int is_acks(const char *path) {
    size_t length = strlen(path);
    return length > 5 && !strcmp(path + length - 5, ".acks");
}

/* Whether this call is to fail. */
static int fails(const char *path, int kind) {
    if (!path || is_acks(path) || !(fail_kinds & kind)) return 0;
    long number = ++count;
    return fail_at >= 0 && number >= fail_at && number < fail_at + fail_times;
}

/* Kind, length of the path, path, position, length of the bytes, bytes. */
static void note(char kind, const char *path, uint64_t at, const void *bytes, uint64_t length) {
    if (trace < 0 || !path) return;
    size_t shm = strlen(path);
    if (shm > 4 && !strcmp(path + shm - 4, "-shm")) return;
    uint32_t name = (uint32_t)strlen(path);
    size_t size = 1 + 4 + name + 8 + 8 + length;
    char *record = malloc(size), *to = record;
    *to++ = kind;
    memcpy(to, &name, 4), to += 4;
    memcpy(to, path, name), to += name;
    memcpy(to, &at, 8), to += 8;
    memcpy(to, &length, 8), to += 8;
    if (length) memcpy(to, bytes, length);
    if (real_write(trace, record, size) != (ssize_t)size) abort();
    free(record);
}

static int do_open(const char *path, int flags, mode_t mode) {
    begin();
    const char *boot = getenv("SHIM_BOOT");
    if (boot && !strcmp(path, "/proc/sys/kernel/random/boot_id")) return real_open(boot, flags, mode);
    if (!ours(path)) return real_open(path, flags, mode);
    pthread_mutex_lock(&lock);
    int fd = -1;
    if (fails(path, OPEN)) {
        errno = fail_error;
    } else {
        struct stat before;
        int fresh = (flags & O_CREAT) && stat(path, &before) != 0;
        fd = real_open(path, flags, mode);
        if (fd >= 0 && fd < FILES) {
            snprintf(paths[fd], PATH, "%s", path);
            if (fresh) note('O', path, 0, NULL, 0);
            else if (flags & O_TRUNC) note('T', path, 0, NULL, 0);
        }
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

int open(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return do_open(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return do_open(path, flags, mode);
}

int close(int fd) {
    begin();
    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FILES) paths[fd][0] = 0;
    int answer = real_close(fd);
    pthread_mutex_unlock(&lock);
    return answer;
}

static ssize_t do_write(int fd, const void *bytes, size_t length, off_t at, int positioned) {
    begin();
    if (!of(fd)) return positioned ? real_pwrite(fd, bytes, length, at) : real_write(fd, bytes, length);
    pthread_mutex_lock(&lock);
    const char *path = of(fd);
    ssize_t written = -1;
    int failing = fails(path, WRITE);
    if (failing && !fail_short) {
        errno = fail_error;
    } else {
        if (failing && length > 1) length /= 2;
        if (!positioned) at = lseek(fd, 0, SEEK_CUR);
        written = positioned ? real_pwrite(fd, bytes, length, at) : real_write(fd, bytes, length);
        if (written > 0) note(is_acks(path) ? 'A' : 'W', path, (uint64_t)at, bytes, (uint64_t)written);
    }
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t write(int fd, const void *bytes, size_t length) { return do_write(fd, bytes, length, 0, 0); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) { return do_write(fd, bytes, length, at, 1); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t at) { return do_write(fd, bytes, length, at, 1); }

static int do_sync(int fd, int (*real)(int)) {
    if (!of(fd)) return real(fd);
    pthread_mutex_lock(&lock);
    int answer = -1;
    if (fails(of(fd), SYNC)) {
        errno = fail_error;
    } else {
        answer = real(fd);
        if (answer == 0) note('S', of(fd), 0, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return answer;
}

int fsync(int fd) { return begin(), do_sync(fd, real_fsync); }
int fdatasync(int fd) { return begin(), do_sync(fd, real_fdatasync); }

static int do_cut(int fd, off_t length) {
    begin();
    if (!of(fd)) return real_ftruncate(fd, length);
    pthread_mutex_lock(&lock);
    int answer = -1;
    if (fails(of(fd), CUT)) {
        errno = fail_error;
    } else {
        answer = real_ftruncate(fd, length);
        if (answer == 0) note('T', of(fd), (uint64_t)length, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return answer;
}

int ftruncate(int fd, off_t length) { return do_cut(fd, length); }
int ftruncate64(int fd, off_t length) { return do_cut(fd, length); }

int fallocate(int fd, int mode, off_t at, off_t length) {
    begin();
    pthread_mutex_lock(&lock);
    int failing = fails(of(fd), CUT);
    int answer = failing ? -1 : real_fallocate(fd, mode, at, length);
    if (failing) errno = fail_error;
    pthread_mutex_unlock(&lock);
    return answer;
}

int rename(const char *from, const char *to) {
    begin();
    if (!ours(from)) return real_rename(from, to);
    pthread_mutex_lock(&lock);
    int failing = fails(from, NAME);
    int answer = failing ? -1 : real_rename(from, to);
    if (failing) errno = fail_error;
    if (answer == 0) note('R', from, 0, to, strlen(to));
    pthread_mutex_unlock(&lock);
    return answer;
}

int unlink(const char *path) {
    begin();
    if (!ours(path)) return real_unlink(path);
    pthread_mutex_lock(&lock);
    int failing = fails(path, NAME);
    int answer = failing ? -1 : real_unlink(path);
    if (failing) errno = fail_error;
    if (answer == 0) note('U', path, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return answer;
}

int mkdir(const char *path, mode_t mode) {
    begin();
    if (!ours(path)) return real_mkdir(path, mode);
    pthread_mutex_lock(&lock);
    int failing = fails(path, NAME);
    int answer = failing ? -1 : real_mkdir(path, mode);
    if (failing) errno = fail_error;
    if (answer == 0) note('D', path, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return answer;
}
