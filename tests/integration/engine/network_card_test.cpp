#include "tests/integration/engine/guest_code.h"
#include "tests/integration/engine/worker_process.h"
#include "tests/support/test_main.h"
#include "vmm/base/bytes.h"

#include <QTemporaryDir>
#include <QTest>

#include <array>
#include <memory>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace vivarium;
using namespace vivarium::control;
using namespace vivarium::test;

namespace {

constexpr const char* kFirst = "52:54:00:12:34:56";
constexpr const char* kThird = "52:54:00:ab:cd:ef";

// virtio 1.2: 4.1.4 (configuration space), 4.1.4.3 (common configuration).
constexpr uint32_t kNetworkCard = 0x10411AF4, kNothing = 0xFFFFFFFF;
constexpr uint8_t kVendorCapability = 9, kCommonType = 1, kIsrType = 3, kDeviceType = 4,
                  kWindowType = 5;
constexpr uint32_t kFeatureSelect = 0x08, kFeature = 0x0C, kStatus = 0x14;
constexpr uint8_t kConfigChanged = 2;

// Takes an address of PCI configuration space and a value from the serial line, four bytes each;
// writes the value there when bit 0 of the address is set; answers what is there.
Code configSpaceGuest() {
    return {0xBC, 0x00, 0x00, 0x20, 0x00, // mov esp, 0x200000
            0xE8, 0x35, 0x00, 0x00, 0x00, // again: call get
            0x89, 0xC3,                   // mov ebx, eax
            0xE8, 0x2E, 0x00, 0x00, 0x00, // call get
            0x89, 0xC1, 0x89, 0xD8,       // mov ecx, eax; mov eax, ebx
            0x24, 0xFC,                   // and al, 0xFC
            0xBA, 0xF8, 0x0C, 0x00, 0x00, // mov edx, 0xCF8
            0xEF, 0xB2, 0xFC,             // out dx, eax; mov dl, 0xFC
            0xF6, 0xC3, 0x01, 0x74, 0x03, // test bl, 1; jz to the in
            0x89, 0xC8, 0xEF,             // mov eax, ecx; out dx, eax
            0xED, 0x89, 0xC1,             // in eax, dx; mov ecx, eax
            0xBE, 0x04, 0x00, 0x00, 0x00, // mov esi, 4
            0xBA, 0xF8, 0x03, 0x00, 0x00, // mov edx, 0x3F8
            0x88, 0xC8, 0xEE,             // next: mov al, cl; out dx, al
            0xC1, 0xE9, 0x08,             // shr ecx, 8
            0x4E, 0x75, 0xF7,             // dec esi; jnz next
            0xEB, 0xC6,                   // jmp again
            0xBE, 0x04, 0x00, 0x00, 0x00, // get: mov esi, 4
            0xBA, 0xFD, 0x03, 0x00, 0x00, // byte: mov edx, 0x3FD (line status)
            0xEC, 0xA8, 0x01, 0x74, 0xFB, // in al, dx; test al, 1; jz to the in
            0xB2, 0xF8, 0xEC,             // mov dl, 0xF8; in al, dx
            0xC1, 0xEF, 0x08,             // shr edi, 8
            0xC1, 0xE0, 0x18, 0x09, 0xC7, // shl eax, 24; or edi, eax
            0x4E, 0x75, 0xE8,             // dec esi; jnz byte
            0x89, 0xF8, 0xC3};            // mov eax, edi; ret
}

// The configuration space of a machine that runs that guest.
class ConfigSpace {
public:
    explicit ConfigSpace(ControlClient& client) {
        client.descriptors().clear();
        if (client.call(AttachSerial{0}) && !client.descriptors().empty())
            m_line = std::move(client.descriptors().front());
    }

    uint32_t read(unsigned device, unsigned offset) { return ask(place(device, offset), 0); }
    void write(unsigned device, unsigned offset, uint32_t value) {
        ask(place(device, offset) | 1, value);
    }
    // A register of a virtio function, through the window in its configuration space (4.1.4.9).
    uint32_t readRegister(unsigned device, uint8_t type, uint32_t offset, uint32_t sizeBytes) {
        const uint32_t value = read(device, aim(device, type, offset, sizeBytes));
        return sizeBytes == 4 ? value : value & ((1u << 8 * sizeBytes) - 1);
    }
    void writeRegister(unsigned device, uint8_t type, uint32_t offset, uint32_t sizeBytes,
                       uint32_t value) {
        write(device, aim(device, type, offset, sizeBytes), value);
    }
    std::string address(unsigned device) {
        std::array<uint8_t, 8> bytes{};
        storeLe<uint32_t>(&bytes[0], readRegister(device, kDeviceType, 0, 4));
        storeLe<uint32_t>(&bytes[4], readRegister(device, kDeviceType, 4, 2));
        std::string text;
        for (size_t i = 0; i < 6; ++i)
            text += QByteArray(1, char(bytes[i])).toHex().toStdString() + (i < 5 ? ":" : "");
        return text;
    }
    // A driver that wants nothing but to be told what changes.
    void startDriver(unsigned device) {
        writeRegister(device, kCommonType, kStatus, 1, 1 | 2);
        writeRegister(device, kCommonType, kFeatureSelect, 4, 1);
        writeRegister(device, kCommonType, kFeature, 4, 1); // VIRTIO_F_VERSION_1
        writeRegister(device, kCommonType, kStatus, 1, 1 | 2 | 8);
        writeRegister(device, kCommonType, kStatus, 1, 1 | 2 | 8 | 4);
    }
    uint32_t driverStatus(unsigned device) { return readRegister(device, kCommonType, kStatus, 1); }
    uint32_t takeInterrupt(unsigned device) { return readRegister(device, kIsrType, 0, 1); }

private:
    static uint32_t place(unsigned device, unsigned offset) {
        return 0x80000000 | device << 11 | offset;
    }
    uint32_t ask(uint32_t where, uint32_t value) {
        std::array<uint8_t, 8> question{};
        storeLe<uint32_t>(&question[0], where);
        storeLe<uint32_t>(&question[4], value);
        std::array<uint8_t, 4> answer{};
        if (::write(m_line.get(), question.data(), question.size()) != ssize_t{8})
            return kNothing;
        for (size_t done = 0; done < answer.size();) {
            pollfd wait{m_line.get(), POLLIN, 0};
            if (::poll(&wait, 1, ControlClient::kTimeoutMs) != 1)
                return kNothing;
            const ssize_t count = ::read(m_line.get(), &answer[done], answer.size() - done);
            if (count <= 0)
                return kNothing;
            done += static_cast<size_t>(count);
        }
        return loadLe<uint32_t>(answer.data());
    }
    // Points the window at a register; the offset of its data.
    unsigned aim(unsigned device, uint8_t type, uint32_t offset, uint32_t sizeBytes) {
        unsigned window = 0;
        uint32_t structure = 0;
        for (unsigned at = read(device, 0x34) & 0xFC; at != 0;) {
            const uint32_t head = read(device, at);
            if ((head & 0xFF) == kVendorCapability && head >> 24 == kWindowType)
                window = at;
            else if ((head & 0xFF) == kVendorCapability && head >> 24 == type)
                structure = read(device, at + 8);
            at = head >> 8 & 0xFC;
        }
        write(device, window + 4, 0); // BAR 0
        write(device, window + 8, structure + offset);
        write(device, window + 12, sizeBytes);
        return window + 16;
    }

    UniqueFd m_line;
};

MachineConfig withCards(std::vector<NetworkCardConfig> cards) {
    MachineConfig config = kernelConfig();
    config.serialPorts.push_back({});
    config.memoryBytes = 32 << 20;
    config.networkCards = std::move(cards);
    return config;
}

const std::vector<NetworkCardConfig> kCards{{0, kFirst}, {2, kThird}};

} // namespace

// Network cards of machines in workers, and of their copies.
class NetworkCardTest : public QObject {
    Q_OBJECT

    static Result<Empty> begin(WorkerProcess& worker, const MachineConfig& config) {
        std::vector<UniqueFd> files;
        files.push_back(multibootGuest(configSpaceGuest()));
        TRY(worker.client().call(Configure{config}, std::move(files)));
        return worker.client().call(Start{});
    }
    // Copies of the machine with these cards each; as many connections.
    static Result<std::vector<std::unique_ptr<ControlClient>>>
    fork(WorkerProcess& worker, const std::vector<std::vector<NetworkCardConfig>>& copies) {
        Fork request;
        std::vector<UniqueFd> files;
        std::vector<std::unique_ptr<ControlClient>> clients;
        for (const auto& cards : copies) {
            std::array<int, 2> pair{};
            if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
                return systemError(errno, "connect a copy");
            clients.push_back(std::make_unique<ControlClient>(UniqueFd(pair[0])));
            CloneConfig clone;
            clone.controlFd = static_cast<int>(files.size());
            files.emplace_back(pair[1]);
            clone.config = withCards(cards);
            clone.config.name = "copy";
            clone.config.kernel.kernelFd = static_cast<int>(files.size());
            files.push_back(multibootGuest(configSpaceGuest()));
            request.clones.push_back(clone);
        }
        TRY(worker.client().call(request, std::move(files)));
        return clients;
    }

private Q_SLOTS:
    void initTestCase() {
        if (const std::string reason = whyNoGuests(); !reason.empty())
            QSKIP(reason.c_str());
    }

    void cardsAreInTheirSlots() {
        WorkerProcess worker;
        const auto begun = begin(worker, withCards(kCards));
        QVERIFY2(begun, begun ? "" : begun.error().detail.c_str());
        ConfigSpace pci(worker.client());
        for (const unsigned device : {24u, 26u}) {
            QCOMPARE(pci.read(device, 0), kNetworkCard);
            QCOMPARE(pci.read(device, 8) >> 8, 0x020000u);
            QCOMPARE(pci.readRegister(device, kDeviceType, 6, 2), 0u); // no link
        }
        QCOMPARE(pci.read(25, 0), kNothing);
        QCOMPARE(pci.read(27, 0), kNothing);
        QCOMPARE(pci.address(24), kFirst);
        QCOMPARE(pci.address(26), kThird);
    }

    void forksHaveTheirOwnAddresses() {
        constexpr const char* kOwn = "52:54:00:00:00:01";
        constexpr const char* kOther = "52:54:00:00:00:02";
        WorkerProcess worker;
        QVERIFY(begin(worker, withCards(kCards)));
        ConfigSpace pci(worker.client());
        pci.startDriver(24);
        QCOMPARE(pci.driverStatus(24), 15u);
        pci.takeInterrupt(24);
        auto clients = fork(worker, {{{0, kOwn}, {2, kThird}}, {{2, kOther}, {0, kFirst}}});
        QVERIFY2(clients, clients ? "" : clients.error().detail.c_str());
        for (auto& client : *clients)
            QVERIFY(client->waitFor<Hello>());
        ConfigSpace first(*(*clients)[0]);
        QCOMPARE(first.driverStatus(24), 15u);
        QCOMPARE(first.takeInterrupt(24), uint32_t{kConfigChanged});
        QCOMPARE(first.address(24), kOwn);
        QCOMPARE(first.address(26), kThird);
        ConfigSpace second(*(*clients)[1]);
        QCOMPARE(second.takeInterrupt(24), 0u); // nothing has changed for this one
        QCOMPARE(second.address(24), kFirst);
        QCOMPARE(second.address(26), kOther);
        QCOMPARE(pci.takeInterrupt(24), 0u);
        QCOMPARE(pci.address(24), kFirst);
        QCOMPARE(pci.address(26), kThird);
        for (auto& client : *clients) {
            QVERIFY(client->call(PowerOff{}));
            QVERIFY(client->waitForEnd());
        }
    }

    void forksWithOtherCardsAreRefused_data() {
        QTest::addColumn<QList<uint>>("slots");
        QTest::addColumn<QString>("sentence");
        QTest::newRow("none") << QList<uint>{} << QStringLiteral("has no network card, the");
        QTest::newRow("one less") << QList<uint>{2} << QStringLiteral("in the slots 2, the");
        QTest::newRow("one more") << QList<uint>{0, 1, 2} << QStringLiteral("slots 0, 1, 2, the");
        QTest::newRow("another slot") << QList<uint>{0, 3} << QStringLiteral("slots 0, 3, the");
    }
    void forksWithOtherCardsAreRefused() {
        QFETCH(QList<uint>, slots);
        QFETCH(QString, sentence);
        WorkerProcess worker;
        QVERIFY(begin(worker, withCards(kCards)));
        std::vector<NetworkCardConfig> cards;
        for (const uint slot : slots)
            cards.push_back({slot, kFirst});
        const auto refused = fork(worker, {kCards, cards});
        QVERIFY(!refused);
        QCOMPARE(refused.error().code, ErrorCode::InvalidArgument);
        const QString detail = QString::fromStdString(refused.error().detail);
        QVERIFY2(detail.contains(sentence), qPrintable(detail));
        ConfigSpace pci(worker.client());
        QCOMPARE(pci.address(24), kFirst);
    }

    void aRestoredMachineHasTheAddressOfItsConfiguration() {
        constexpr const char* kNew = "52:54:00:00:00:07";
        QTemporaryDir folder;
        const auto open = [&](const char* name) {
            return UniqueFd(::open(qPrintable(folder.filePath(QString::fromLatin1(name))),
                                   O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        };
        {
            WorkerProcess worker;
            QVERIFY(begin(worker, withCards(kCards)));
            ConfigSpace pci(worker.client());
            pci.startDriver(24);
            pci.takeInterrupt(24);
            TakeSnapshot take;
            take.stateFd = 0;
            take.ramFd = 1;
            take.ramIndexFd = 2;
            std::vector<UniqueFd> files;
            for (const char* name : {"state", "ram", "index"})
                files.push_back(open(name));
            const auto taken = worker.client().call(take, std::move(files));
            QVERIFY2(taken, taken ? "" : taken.error().detail.c_str());
        }
        MachineConfig config = withCards({{0, kNew}, {2, kThird}});
        config.restore.stateFd = 1;
        config.restore.ram.files.push_back({2});
        config.restore.ram.indexFd = 3;
        std::vector<UniqueFd> files;
        files.push_back(multibootGuest(configSpaceGuest()));
        for (const char* name : {"state", "ram", "index"})
            files.push_back(open(name));
        WorkerProcess again;
        QVERIFY(again.client().call(Configure{config}, std::move(files)));
        QVERIFY(again.client().call(Start{true})); // paused: told when it goes on
        QVERIFY(again.client().call(Resume{}));
        ConfigSpace pci(again.client());
        QCOMPARE(pci.takeInterrupt(24), uint32_t{kConfigChanged});
        QCOMPARE(pci.address(24), kNew);
        QCOMPARE(pci.address(26), kThird);
    }
};

VIVARIUM_TEST(NetworkCardTest)
#include "network_card_test.moc"
