/* Moves clocks under a process, by LD_PRELOAD, as far as the file in MOVED_CLOCKS says while it runs.
 *
 * Two 64-bit numbers of ns: what is added to the time of day (a step of NTP), and to the time since boot (a suspend:
 * CLOCK_MONOTONIC stands still meanwhile, CLOCK_BOOTTIME does not, and who sleeps on it wakes when it is over).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static volatile int64_t *moved;
static int (*real_gettime)(clockid_t, struct timespec *);
static int (*real_nanosleep)(clockid_t, int, const struct timespec *, struct timespec *);

static void __attribute__((constructor)) set_up(void) {
    const char *path = getenv("MOVED_CLOCKS");
    int file = path ? open(path, O_RDONLY) : -1;
    if (file >= 0) {
        void *mapped = mmap(NULL, 2 * sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
        moved = mapped == MAP_FAILED ? NULL : mapped;
        close(file);
    }
    real_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    real_nanosleep = (int (*)(clockid_t, int, const struct timespec *, struct timespec *))
        dlsym(RTLD_NEXT, "clock_nanosleep");
}

static int64_t moved_ns(clockid_t clock) {
    if (!moved) return 0;
    return clock == CLOCK_REALTIME ? moved[0] : clock == CLOCK_BOOTTIME ? moved[1] : 0;
}

static int64_t in_ns(const struct timespec *time) { return time->tv_sec * INT64_C(1000000000) + time->tv_nsec; }

static void from_ns(int64_t ns, struct timespec *time) {
    time->tv_sec = ns / 1000000000;
    time->tv_nsec = ns % 1000000000;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int failed = real_gettime ? real_gettime(clock, time) : -1;
    if (!failed && moved_ns(clock)) from_ns(in_ns(time) + moved_ns(clock), time);
    return failed;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left) {
    if (clock != CLOCK_BOOTTIME || !(flags & TIMER_ABSTIME)) return real_nanosleep(clock, flags, until, left);
    for (;;) {
        struct timespec now, piece;
        clock_gettime(clock, &now);
        int64_t remaining = in_ns(until) - in_ns(&now);
        if (remaining <= 0) return 0;
        from_ns(remaining < 2000000 ? remaining : 2000000, &piece);
        int failed = real_nanosleep(CLOCK_MONOTONIC, 0, &piece, NULL);
        if (failed) return failed;
    }
}
