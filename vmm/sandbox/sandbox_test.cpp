#include "tests/support/test_main.h"
#include "vmm/sandbox/process_isolation.h"
#include "vmm/sandbox/system_call_filter.h"

#include <QTest>

#include <cerrno>
#include <csignal>
#include <functional>
#include <thread>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace vivarium;

namespace {

constexpr int kNotSandboxed = 99;

// Runs `body` in a child process that has entered the sandbox; the wait status, exit code = its
// result.
int inSandbox(const std::function<int()>& body, ThreadKind kind = ThreadKind::Device) {
    const pid_t child = ::fork();
    if (child == 0) {
        const bool ready = isolateProcess({}) && filterSystemCalls(kind);
        ::syscall(SYS_exit_group, ready ? body() : kNotSandboxed);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return status;
}

bool exitedWith(int status, int code) {
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

bool wasKilledByFilter(int status) {
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

} // namespace

class SandboxTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void ordinaryWorkGoesOn() {
#ifdef __SANITIZE_THREAD__
        QSKIP("ThreadSanitizer cannot follow a thread that a forked child starts");
#endif
        const int status = inSandbox([] {
            int sum = 0;
            std::thread worker([&sum] {
                std::vector<int> numbers(100'000, 1); // large enough for a mapping of its own
                for (int number : numbers)
                    sum += number;
            });
            worker.join();
            return sum == 100'000 ? 7 : 8;
        });
        QVERIFY2(exitedWith(status, 7), qPrintable(QString::number(status)));
    }

    void noPathCanBeOpened() {
        for (const char* path : {"/", "/etc/passwd", "/proc/self/mem", "/dev/kvm", "."}) {
            const int status =
                inSandbox([path] { return ::open(path, O_RDONLY) < 0 && errno == EACCES ? 7 : 8; });
            QVERIFY2(exitedWith(status, 7), path);
        }
    }

    // The empty root holds by itself, too: here without the filter.
    void theRootIsEmpty() {
        const pid_t child = ::fork();
        if (child == 0) {
            const auto report = isolateProcess({});
            const bool complete = report && report->missing.empty();
            ::_exit(!complete ? 9
                    : ::access("/etc/passwd", F_OK) != 0 &&
                            ::open("/file", O_CREAT | O_WRONLY, 0600) < 0
                        ? 7
                        : 8);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        if (exitedWith(status, 9))
            QSKIP("this host does not allow namespaces");
        QVERIFY(exitedWith(status, 7));
    }

    void noNetworkIsReached() {
        const int status = inSandbox([] { return ::socket(AF_INET, SOCK_STREAM, 0) < 0 ? 7 : 8; });
        QVERIFY(exitedWith(status, 7));
    }

    void inheritedDescriptorsAreClosed() {
        const int leaked = ::open("/dev/null", O_RDONLY);
        QVERIFY(leaked > 2);
        const int status = inSandbox(
            [leaked] { return ::fcntl(leaked, F_GETFD) < 0 && ::fcntl(1, F_GETFD) >= 0 ? 7 : 8; });
        ::close(leaked);
        QVERIFY(exitedWith(status, 7));
    }

    void keptDescriptorsStayOpen() {
        const int kept = ::open("/dev/null", O_RDONLY);
        const pid_t child = ::fork();
        if (child == 0)
            ::_exit(isolateProcess({kept, kept}) && ::fcntl(kept, F_GETFD) >= 0 ? 7 : 8);
        int status = 0;
        ::waitpid(child, &status, 0);
        ::close(kept);
        QVERIFY(exitedWith(status, 7));
    }

    void programsAndProcessesKill_data() {
        QTest::addColumn<long>("call");
        QTest::newRow("execve") << long{SYS_execve};
        QTest::newRow("fork") << long{SYS_fork};
        QTest::newRow("ptrace") << long{SYS_ptrace};
        QTest::newRow("mount") << long{SYS_mount};
        QTest::newRow("kill") << long{SYS_kill};
        QTest::newRow("process_vm_readv") << long{SYS_process_vm_readv};
        QTest::newRow("bpf") << long{SYS_bpf};
        QTest::newRow("clone without thread flags") << long{SYS_clone};
    }

    void programsAndProcessesKill() {
        QFETCH(long, call);
        const int status = inSandbox([call] {
            ::syscall(call, 0, 0, 0, 0);
            return 8;
        });
        QVERIFY2(wasKilledByFilter(status), qPrintable(QString::number(status)));
    }

    void memoryNeverBecomesExecutable() {
        const int status = inSandbox([] {
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                   -1, 0);
            return 8;
        });
        QVERIFY(wasKilledByFilter(status));
    }

    void narrowerThreadsMakeNoDescriptors() {
        for (ThreadKind kind : {ThreadKind::Vcpu, ThreadKind::DiskIo, ThreadKind::Vnc}) {
            const int status = inSandbox(
                [] {
                    ::syscall(SYS_memfd_create, "x", 0);
                    return 8;
                },
                kind);
            QVERIFY(wasKilledByFilter(status));
        }
    }
};

VIVARIUM_TEST(SandboxTest)
#include "sandbox_test.moc"
