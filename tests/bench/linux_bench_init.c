// The work of softcpu_bench.py's Linux guest. Without arguments all of it, each part between lines
// "begin NAME" and "end NAME" on the console, whose times the host takes; then the exit device.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum {
    kForks = 1000,
    kFaultRounds = 12,
    kFaultBytes = 32 << 20,
    kPageBytes = 4096,
    kExitPort = 0xF4
};
static const uint32_t kSteps = 300u * 1000 * 1000;

static void say(const char* word, const char* name) {
    char line[64];
    int length = snprintf(line, sizeof line, "%s %s\n", word, name);
    if (write(STDOUT_FILENO, line, (size_t)length) != length)
        _exit(1);
    tcdrain(STDOUT_FILENO); // the machine may end before the line is out
}

static void forkAndExec(void) {
    for (int i = 0; i < kForks; ++i) {
        pid_t child = fork();
        if (child == 0) {
            execl("/bench", "/bench", "nothing", NULL);
            _exit(1);
        }
        waitpid(child, NULL, 0);
    }
}

static void pageFaults(void) {
    for (int round = 0; round < kFaultRounds; ++round) {
        volatile char* memory =
            mmap(NULL, kFaultBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            _exit(1);
        for (size_t at = 0; at < kFaultBytes; at += kPageBytes)
            memory[at] = 1;
        munmap((void*)memory, kFaultBytes);
    }
}

static void compute(unsigned processes) {
    for (unsigned i = 0; i < processes; ++i)
        if (fork() == 0) {
            uint32_t value = 0x12345678 + i;
            for (uint32_t step = 0; step < kSteps; ++step) {
                value ^= value << 13;
                value ^= value >> 17;
                value ^= value << 5;
            }
            _exit(value == 1);
        }
    while (wait(NULL) > 0) {
    }
}

static void timed(const char* name, void (*work)(void)) {
    say("begin", name);
    work();
    say("end", name);
}

static void computeOnce(void) {
    compute(1);
}

static void computeTwice(void) {
    compute(2);
}

int main(int count, char** arguments) {
    if (count > 1 && strcmp(arguments[1], "nothing") == 0)
        return 0;
    if (sysconf(_SC_NPROCESSORS_ONLN) > 1) {
        timed("one", computeOnce);
        timed("two", computeTwice);
    } else {
        timed("fork_exec", forkAndExec);
        timed("page_faults", pageFaults);
    }
    if (iopl(3) != 0)
        return 1;
    outl(0x10, kExitPort);
    for (;;)
        pause();
}
