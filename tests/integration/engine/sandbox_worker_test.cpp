#include "tests/integration/engine/guest_code.h"
#include "tests/integration/engine/worker_process.h"
#include "tests/support/test_main.h"

#include <QFile>
#include <QTest>

#include <filesystem>
#include <string>

using namespace vivarium;
using namespace vivarium::control;
using namespace vivarium::test;

namespace {

std::string linkOf(const std::string& path) {
    std::error_code error;
    return std::filesystem::read_symlink(path, error).string();
}

} // namespace

// A running worker from outside: what it may still do.
class SandboxWorkerTest : public QObject {
    Q_OBJECT
    std::unique_ptr<WorkerProcess> m_worker;

    std::string proc(const char* name) const {
        return "/proc/" + std::to_string(m_worker->pid()) + "/" + name;
    }
    QByteArray statusLine(const QString& path, const char* name) const {
        QFile file(path);
        if (!file.open(QIODevice::ReadOnly))
            return {};
        for (const QByteArray& line : file.readAll().split('\n'))
            if (line.startsWith(name))
                return line.mid(static_cast<qsizetype>(qstrlen(name))).trimmed();
        return {};
    }

private Q_SLOTS:
    void initTestCase() {
        if (const std::string reason = whyNoGuests(); !reason.empty())
            QSKIP(reason.c_str());
        m_worker = std::make_unique<WorkerProcess>();
        std::vector<UniqueFd> descriptors;
        descriptors.push_back(multibootGuest(halt()));
        descriptors.push_back(fileOf("disk", std::vector<uint8_t>(1 << 20)));
        MachineConfig config = kernelConfig();
        DriveConfig drive;
        drive.id = "sata0";
        drive.images = {{1}};
        config.drives.push_back(drive);
        QVERIFY(m_worker->client().call(Configure{config}, std::move(descriptors)));
        QVERIFY(m_worker->client().call(Start{}));
    }
    void cleanupTestCase() { m_worker.reset(); }

    void everyThreadIsFiltered() {
        const auto tasks = std::filesystem::directory_iterator(proc("task"));
        int threads = 0;
        for (const auto& task : tasks) {
            const QString path = QString::fromStdString(task.path() / "status");
            if (statusLine(path, "Name:").startsWith("kvm-"))
                continue; // the kernel's own helper of the virtual machine
            QCOMPARE(statusLine(path, "Seccomp:"), QByteArray("2"));
            QCOMPARE(statusLine(path, "NoNewPrivs:"), QByteArray("1"));
            QCOMPARE(statusLine(path, "CapEff:"), QByteArray("0000000000000000"));
            ++threads;
        }
        QVERIFY(threads >= 3); // main, vCPU, disk
    }

    void theNamespacesAreItsOwn() {
        if (linkOf(proc("ns/mnt")).empty())
            QSKIP("only root sees the namespaces of a process that hides its memory");
        if (!m_worker->log().empty() && m_worker->log().find("namespace") != std::string::npos)
            QSKIP("this host does not allow namespaces");
        for (const char* name : {"ns/mnt", "ns/net", "ns/user", "ns/ipc", "ns/uts"})
            QVERIFY2(linkOf(proc(name)) != linkOf(std::string("/proc/self/") + name), name);
    }

    void onlyKnownDescriptorsAreOpen() {
        std::error_code error;
        auto entries = std::filesystem::directory_iterator(proc("fd"), error);
        if (error)
            QSKIP("only root sees the descriptors of a process that hides its memory");
        for (const auto& entry : entries) {
            const std::string target = linkOf(entry.path());
            const bool standard = std::stoi(entry.path().filename()) <= 2;
            const bool known = target.starts_with("socket:") || target.starts_with("anon_inode:") ||
                               target.starts_with("/memfd:") || target == "/dev/kvm";
            QVERIFY2(standard || known, target.c_str());
        }
    }
};
VIVARIUM_TEST(SandboxWorkerTest)

#include "sandbox_worker_test.moc"
