// Runs inside a Linux guest as /init (SoftwareLinuxTest): exercises what a processor and its
// interrupt controllers have to get right for ordinary programs, and says so on the console, one
// "ok NAME" or "BAD NAME" a line. Built static, with no more of the host than a compiler.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static void report(const char* name, int good) {
    printf("%s %s\n", good ? "ok" : "BAD", name);
    fflush(stdout);
}

// Children see the memory as it was, and what they change stays theirs.
static int forks(void) {
    int* shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char* own = malloc(1 << 16);
    memset(own, 1, 1 << 16);
    for (int i = 0; i < 16; ++i) {
        const pid_t child = fork();
        if (child < 0)
            return 0;
        if (child == 0) {
            int sum = 0;
            for (int at = 0; at < 1 << 16; at += 512)
                sum += own[at];
            memset(own, 2, 1 << 16);
            __atomic_fetch_add(shared, sum, __ATOMIC_SEQ_CST);
            _exit(i);
        }
        if (i % 4 == 3) // four at a time
            for (int left = 4; left > 0; --left) {
                int status = 0;
                if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) > i)
                    return 0;
            }
    }
    return *shared == 16 * 128 && own[1 << 15] == 1;
}

// A megabyte through a chain of two pipes.
static int pipes(void) {
    enum { kBytes = 1 << 20, kPiece = 3000 };
    int first[2], second[2];
    if (pipe(first) != 0 || pipe(second) != 0)
        return 0;
    if (fork() == 0) { // writes
        uint8_t piece[kPiece];
        for (int at = 0; at < kBytes;) {
            const int count = kBytes - at < kPiece ? kBytes - at : kPiece;
            for (int i = 0; i < count; ++i)
                piece[i] = (uint8_t)((at + i) * 7);
            if (write(first[1], piece, (size_t)count) != count)
                _exit(1);
            at += count;
        }
        _exit(0);
    }
    close(first[1]);
    if (fork() == 0) { // inverts
        uint8_t piece[kPiece];
        ssize_t count;
        while ((count = read(first[0], piece, sizeof piece)) > 0) {
            for (ssize_t i = 0; i < count; ++i)
                piece[i] = (uint8_t)~piece[i];
            if (write(second[1], piece, (size_t)count) != count)
                _exit(1);
        }
        _exit(0);
    }
    close(first[0]);
    close(second[1]);
    uint8_t piece[kPiece];
    int at = 0, wrong = 0;
    ssize_t count;
    while ((count = read(second[0], piece, sizeof piece)) > 0)
        for (ssize_t i = 0; i < count; ++i, ++at)
            wrong += piece[i] != (uint8_t) ~(at * 7);
    close(second[0]);
    while (wait(NULL) > 0)
        ;
    return at == kBytes && wrong == 0;
}

static volatile sig_atomic_t alarms, faults, traps;
static void* volatile faultAddress;
static char* guarded;

static void onAlarm(int number) {
    (void)number;
    ++alarms;
}
static void onFault(int number, siginfo_t* info, void* context) {
    (void)number;
    (void)context;
    ++faults;
    faultAddress = info->si_addr;
    mprotect(guarded, 4096, PROT_READ | PROT_WRITE);
}
static void onTrap(int number) {
    (void)number;
    ++traps;
}

// Timers that interrupt computing, page faults that are mended, breakpoints, a killed child.
static int signals(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = onAlarm;
    sigaction(SIGALRM, &action, NULL);
    const struct itimerval every = {{0, 10000}, {0, 10000}};
    setitimer(ITIMER_REAL, &every, NULL);
    volatile uint64_t work = 0;
    while (alarms < 5)
        work = work + 1;
    const struct itimerval never = {{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &never, NULL);

    guarded = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    action.sa_sigaction = onFault;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, NULL);
    guarded[100] = 42;
    action.sa_handler = onTrap;
    action.sa_flags = 0;
    sigaction(SIGTRAP, &action, NULL);
    __asm__ volatile("int3");
    const pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    kill(child, SIGTERM);
    int status = 0;
    waitpid(child, &status, 0);
    return faults == 1 && faultAddress == guarded + 100 && guarded[100] == 42 && traps == 1 &&
           WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM;
}

// x87 and SSE keep their registers, each process its own.
static int floatingPoint(void) {
    pid_t children[3];
    for (int which = 0; which < 3; ++which) {
        children[which] = fork();
        if (children[which] == 0) {
            double sum = 0;
            long double extended = 1;
            for (int i = 0; i < 20000; ++i) {
                sum += 1.0 / ((double)(i + which + 1) * (i + which + 1));
                extended = extended * 1.0001L + which;
                if (i % 4000 == 0)
                    sched_yield();
            }
            double again = 0;
            long double extendedAgain = 1;
            for (int i = 0; i < 20000; ++i) {
                again += 1.0 / ((double)(i + which + 1) * (i + which + 1));
                extendedAgain = extendedAgain * 1.0001L + which;
            }
            _exit(sum == again && extended == extendedAgain ? 0 : 1);
        }
    }
    int good = 1;
    for (int which = 0; which < 3; ++which) {
        int status = -1;
        waitpid(children[which], &status, 0);
        good &= status == 0;
    }
    volatile double two = 2;
    return good && fabs(sqrt(two) - 1.4142135623730951) < 1e-15 &&
           fabs(sin(two) - 0.9092974268256817) < 1e-15;
}

#if defined(__x86_64__)
// 256-bit registers across context switches: each thread has its own pattern in all of them.
__attribute__((target("avx2,fma"))) static void* avxThread(void* argument) {
    const int64_t seed = (int64_t)(intptr_t)argument;
    __m256i a = _mm256_set_epi64x(seed, seed + 1, seed + 2, seed + 3);
    __m256i b = _mm256_set1_epi32((int)seed * 3), c = _mm256_setzero_si256();
    __m256d d = _mm256_set1_pd((double)seed);
    uint64_t expected = 0;
    for (int i = 0; i < 4000; ++i) {
        a = _mm256_add_epi64(a, _mm256_set1_epi64x(seed));
        b = _mm256_xor_si256(b, _mm256_shuffle_epi32(a, 0x1B));
        b = _mm256_xor_si256(b, _mm256_shuffle_epi32(a, 0x1B)); // as it was
        c = _mm256_add_epi64(c, a);
        d = _mm256_fmadd_pd(d, _mm256_set1_pd(1.0), _mm256_set1_pd(1.0));
        expected += (uint64_t)(seed + seed * (i + 1));
        if (i % 500 == 0)
            sched_yield();
    }
    int64_t sums[4];
    int32_t words[8];
    double reals[4];
    _mm256_storeu_si256((__m256i*)sums, c);
    _mm256_storeu_si256((__m256i*)words, b);
    _mm256_storeu_pd(reals, d);
    int good = (uint64_t)sums[3] == expected && (uint64_t)sums[0] == expected + 3 * 4000;
    for (int i = 0; i < 8; ++i)
        good &= words[i] == (int)seed * 3;
    for (int i = 0; i < 4; ++i)
        good &= reals[i] == (double)(seed + 4000);
    return (void*)(intptr_t)good;
}

static int avx(void) {
    if (!__builtin_cpu_supports("avx2"))
        return 1; // the host has none either; /proc/cpuinfo shows it
    pthread_t threads[4];
    for (intptr_t i = 0; i < 4; ++i)
        pthread_create(&threads[i], NULL, avxThread, (void*)(i * 1000 + 7));
    int good = 1;
    for (int i = 0; i < 4; ++i) {
        void* result = NULL;
        pthread_join(threads[i], &result);
        good &= result != NULL;
    }
    return good;
}
#else
static int avx(void) {
    return 1;
}
#endif

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static long guardedSum;
static atomic_long atomicSum;
static int turn;
static volatile uint16_t unalignedWords[40];

static void* counter(void* argument) {
    for (int i = 0; i < 2000; ++i) {
        pthread_mutex_lock(&mutex);
        ++guardedSum;
        pthread_mutex_unlock(&mutex);
        atomic_fetch_add(&atomicSum, 3);
        // Two bytes of one cache line, across its end.
        __atomic_fetch_add(
            (uint16_t*)((char*)unalignedWords + 63 - ((uintptr_t)unalignedWords & 63)), 1,
            __ATOMIC_SEQ_CST);
    }
    return argument;
}
static void* player(void* argument) {
    const int self = (int)(intptr_t)argument;
    for (int i = 0; i < 100; ++i) {
        pthread_mutex_lock(&mutex);
        while (turn % 2 != self)
            pthread_cond_wait(&condition, &mutex);
        ++turn;
        pthread_cond_broadcast(&condition);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static int threads(void) {
    pthread_t workers[4], players[2];
    for (int i = 0; i < 4; ++i)
        pthread_create(&workers[i], NULL, counter, NULL);
    for (intptr_t i = 0; i < 2; ++i)
        pthread_create(&players[i], NULL, player, (void*)i);
    for (int i = 0; i < 4; ++i)
        pthread_join(workers[i], NULL);
    for (int i = 0; i < 2; ++i)
        pthread_join(players[i], NULL);
    const uint16_t* word =
        (const uint16_t*)((const char*)unalignedWords + 63 - ((uintptr_t)unalignedWords & 63));
    return guardedSum == 8000 && atomicSum == 24000 && *word == 8000 && turn == 200;
}

// Threads unmap and protect what others have just used: each must fault on the next access, on
// whichever processor it runs.
static char* volatile shootDownPage;
static atomic_int shootDownStage;
static __thread volatile sig_atomic_t threadFaults;

static void onShootDown(int number, siginfo_t* info, void* context) {
    (void)number;
    (void)info;
    (void)context;
    ++threadFaults;
    atomic_fetch_add(&shootDownStage, 1);
    while (atomic_load(&shootDownStage) % 2 != 0) // until it may be written again
        sched_yield();
}
static void* shootDownWriter(void* argument) {
    (void)argument;
    while (atomic_load(&shootDownStage) < 40)
        *shootDownPage = 1;
    return (void*)(intptr_t)threadFaults;
}
static int shootDown(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = onShootDown;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &action, NULL);
    shootDownPage = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_t writer;
    pthread_create(&writer, NULL, shootDownWriter, NULL);
    for (int round = 0; round < 20; ++round) {
        mprotect((char*)shootDownPage, 4096, PROT_READ);
        while (atomic_load(&shootDownStage) % 2 == 0)
            sched_yield();
        mprotect((char*)shootDownPage, 4096, PROT_READ | PROT_WRITE);
        atomic_fetch_add(&shootDownStage, 1);
    }
    void* faultCount = NULL;
    pthread_join(writer, &faultCount);
    return (intptr_t)faultCount == 20;
}

// Code that is written while it runs: by who runs it, and by another thread while it runs.
static uint8_t* code;
static atomic_int codeSeen, codeOver;

static void* codeRunner(void* argument) {
    int (*function)(void) = (int (*)(void))(uintptr_t)code;
    intptr_t good = 1;
    for (int last = 0; !atomic_load(&codeOver);) {
        const int seen = function();
        good &= seen >= last; // never again what was before
        last = seen;
        atomic_store(&codeSeen, seen);
        sched_yield();
    }
    (void)argument;
    return (void*)good;
}
static int selfModifying(void) {
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    code += 3;      // so that the number is aligned and changes at once
    code[0] = 0xB8; // mov eax, imm32; ret
    code[5] = 0xC3;
    int (*function)(void) = (int (*)(void))(uintptr_t)code;
    for (int i = 0; i < 500; ++i) {
        *(volatile int*)(code + 1) = i;
        if (function() != i)
            return 0;
    }
    pthread_t runner;
    pthread_create(&runner, NULL, codeRunner, NULL);
    for (int i = 500; i < 700; ++i) {
        *(volatile int*)(code + 1) = i;
        while (atomic_load(&codeSeen) != i)
            sched_yield();
    }
    atomic_store(&codeOver, 1);
    void* good = NULL;
    pthread_join(runner, &good);
    return good != NULL;
}

// Every processor takes a thread that is bound to it, and time goes on there.
static int processors(int count) {
    for (int cpu = 0; cpu < count; ++cpu) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(cpu, &set);
        if (sched_setaffinity(0, sizeof set, &set) != 0 || sched_getcpu() != cpu)
            return 0;
        struct timespec before, after;
        clock_gettime(CLOCK_MONOTONIC, &before);
        usleep(5000);
        clock_gettime(CLOCK_MONOTONIC, &after);
        const int64_t passed =
            (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
        if (passed < 5000000)
            return 0;
    }
    cpu_set_t all;
    memset(&all, 0xFF, sizeof all);
    return sched_setaffinity(0, sizeof all, &all) == 0;
}

// A shell with its tools: exec, pipelines, files.
static int64_t nowNs(clockid_t id) {
    struct timespec now = {0, 0};
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// The hypervisor's clock is the kernel's; it runs as fast as a sleep is long, and never backwards
// from one processor to the next.
static int clocks(int count) {
    char source[32] = "";
    mkdir("/sys", 0755);
    mount("sysfs", "/sys", "sysfs", 0, "");
    FILE* file = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "r");
    if (!file || !fgets(source, sizeof source, file))
        return 0;
    fclose(file);
    printf("clock source: %s", source);
    printf("time: %lld\n", (long long)(nowNs(CLOCK_REALTIME) / 1000000000));
    int64_t last = nowNs(CLOCK_MONOTONIC);
    for (int i = 0; i < 100 * count; ++i) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(i % count, &one);
        if (sched_setaffinity(0, sizeof one, &one) != 0)
            return 0;
        const int64_t now = nowNs(CLOCK_MONOTONIC);
        if (now < last)
            return 0;
        last = now;
    }
    const struct timespec pause = {0, 200000000};
    nanosleep(&pause, NULL);
    const int64_t slept = nowNs(CLOCK_MONOTONIC) - last;
    return strcmp(source, "kvm-clock\n") == 0 && slept >= 200000000 && slept < 30000000000;
}

static int shell(void) {
    return system("/bin/busybox sh -c 'for i in 1 2 3; do echo $i; done | /bin/busybox sort -r | "
                  "/bin/busybox tr -d \"\\n\" >/out; [ $(/bin/busybox cat /out) = 321 ] && "
                  "/bin/busybox seq 1 2000 | /bin/busybox sha256sum | /bin/busybox grep -q "
                  "^6251e5743b6fd6a7d606130bdf7c1507'") == 0;
}

int main(void) {
    mkdir("/proc", 0755);
    mount("proc", "/proc", "proc", 0, "");
    const int count = (int)sysconf(_SC_NPROCESSORS_ONLN);
    printf("processors: %d\n", count);
    report("fork", forks());
    report("pipes", pipes());
    report("signals", signals());
    report("floating point", floatingPoint());
    report("avx", avx());
    report("threads", threads());
    report("shoot-down", shootDown());
    report("self-modifying code", selfModifying());
    report("processors", processors(count));
    report("clocks", clocks(count));
    report("shell", shell());
    printf("exercise over\n");
    fflush(stdout);
    sync();
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}
