#include "core/supervisor/config_translator.h"

#include "tests/support/test_main.h"

#include <nlohmann/json.hpp>

#include <QTest>

#include <fcntl.h>

namespace vivarium::test {

namespace {

UniqueFd anyFile() {
    return UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

std::vector<OpenedImage> oneImage() {
    std::vector<OpenedImage> images;
    images.push_back({anyFile(), DiskFormat::Raw});
    return images;
}

} // namespace

class ConfigTranslatorTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void everySettingArrives() {
        MachineSettings settings;
        settings.name = QString::fromUtf8("Zoë");
        settings.memoryMiB = 300;
        settings.cpuCount = 3;
        settings.accelerator = Accelerator::Software;
        settings.hpet = false;
        settings.exitDevice = true;
        settings.bootMenu = true;
        settings.videoMemoryMiB = 64;
        settings.vnc.password = QStringLiteral("geheim");
        settings.bootOrder = {BootDevice::HardDisk, BootDevice::Optical};
        settings.drives = {{DriveType::HardDisk, 3, QStringLiteral("/a/second.img"), true},
                           {DriveType::Optical, 0, {}, false},
                           {DriveType::HardDisk, 1, QStringLiteral("/a/first.img"), false}};
        settings.serialPorts = {{0, SerialMode::Console, {}},
                                {1, SerialMode::File, QStringLiteral("/f")},
                                {2, SerialMode::Socket, QStringLiteral("/s")},
                                {3, SerialMode::Disconnected, {}}};
        settings.networkCards = {{0, *MacAddress::parse("02:00:00:00:00:01")},
                                 {2, *MacAddress::parse("02:00:00:00:00:02")}};
        OpenedFiles files;
        files.firmware = {anyFile(), anyFile()};
        files.drives.push_back(oneImage());
        files.drives.emplace_back();
        files.drives.push_back(oneImage());
        files.drives.back().push_back({anyFile(), DiskFormat::Qcow2});
        files.serialPorts.resize(4);
        files.serialPorts[1].file = anyFile();
        files.serialPorts[2].listen = anyFile();
        files.vnc = anyFile();
        files.lock = anyFile();
        files.control = anyFile();
        const auto id = MachineId::createRandom();

        const auto [config, descriptors] =
            translate(id, settings, std::move(files), WorkerLife::UntilStopped);

        QCOMPARE(descriptors.size(), size_t(10));
        QCOMPARE(config.id, id.toString().toStdString());
        QCOMPARE(config.name, std::string("Zoë"));
        QCOMPARE(config.memoryBytes, uint64_t(300) << 20);
        QCOMPARE(config.cpuCount, 3u);
        QCOMPARE(config.accelerator, control::AcceleratorChoice::Software);
        QVERIFY(!config.hpet && config.exitDevice && !config.exitWhenClientsLeave);
        QCOMPARE(config.firmware.kind, control::FirmwareKind::Bios);
        QVERIFY(config.firmware.bootMenuMs > 0);
        QCOMPARE(config.kernel.kernelFd, -1);
        QCOMPARE(config.display.videoMemoryBytes, uint64_t(64) << 20);
        QCOMPARE(config.vnc.password, std::string("geheim"));
        QCOMPARE(config.drives.size(), size_t(3));
        QCOMPARE(config.drives[0].id, std::string("sata3"));
        QCOMPARE(config.drives[0].bootIndex, 1);
        QVERIFY(config.drives[0].readOnly);
        QCOMPARE(config.drives[0].mediumName, std::string("second.img"));
        QVERIFY(config.drives[1].images.empty());
        QCOMPARE(config.drives[1].bootIndex, 2);
        QCOMPARE(config.drives[1].kind, control::DriveKind::Optical);
        QCOMPARE(config.drives[2].bootIndex, 0);
        QVERIFY(!config.drives[2].readOnly);
        QCOMPARE(config.drives[2].images.size(), size_t(2)); // base first
        QCOMPARE(config.drives[2].images[0].format, control::DiskFormat::Raw);
        QCOMPARE(config.drives[2].images[1].format, control::DiskFormat::Qcow2);
        QVERIFY(config.drives[2].images[0].fd != config.drives[2].images[1].fd);
        QCOMPARE(config.serialPorts[0].kind, control::SerialKind::Ring);
        QVERIFY(config.serialPorts[1].outputFd >= 0);
        QVERIFY(config.serialPorts[2].listenFd >= 0);
        QCOMPARE(config.serialPorts[3].kind, control::SerialKind::None);
        QCOMPARE(config.networkCards.size(), size_t{2});
        QCOMPARE(config.networkCards[1].slot, 2u);
        QCOMPARE(config.networkCards[1].macAddress, std::string("02:00:00:00:00:02"));
        // The worker takes it as it is.
        const auto parsed = control::machineConfigFromJson(control::toJson(config),
                                                           static_cast<int>(descriptors.size()));
        QVERIFY2(parsed, parsed ? "" : parsed.error().detail.c_str());
    }

    void disksKeepTheirBus() {
        MachineSettings settings;
        settings.drives = {{DriveType::HardDisk, 0, QStringLiteral("/v"), false, DriveBus::Virtio},
                           {DriveType::HardDisk, 0, QStringLiteral("/n"), false, DriveBus::Nvme},
                           {DriveType::HardDisk, 0, QStringLiteral("/s"), false, DriveBus::Sata}};
        OpenedFiles files;
        for (int i = 0; i < 3; ++i)
            files.drives.push_back(oneImage());
        files.serialPorts.resize(static_cast<size_t>(settings.serialPorts.size()));
        const auto made = translate(MachineId::createRandom(), settings, std::move(files),
                                    WorkerLife::UntilStopped);
        const auto& drives = made.config.drives;
        QCOMPARE(drives[0].id, std::string("virtio0"));
        QCOMPARE(drives[0].bus, control::DriveBus::Virtio);
        QCOMPARE(drives[0].bootIndex, 2);
        QCOMPARE(drives[1].id, std::string("nvme0"));
        QCOMPARE(drives[1].bus, control::DriveBus::Nvme);
        QCOMPARE(drives[2].bus, control::DriveBus::Sata);
        QCOMPARE(drives[2].bootIndex, 0);
    }

    void drivesThatAreNotInTheBootOrderDoNotBoot() {
        MachineSettings settings;
        settings.bootOrder = {BootDevice::Optical, BootDevice::None};
        settings.drives = {{DriveType::HardDisk, 0, QStringLiteral("/d"), false}};
        settings.serialPorts.clear();
        OpenedFiles files;
        files.drives.push_back(oneImage());
        const auto made = translate({}, settings, std::move(files), WorkerLife::UntilStopped);
        QCOMPARE(made.config.drives[0].bootIndex, -1);
    }

    void aKernelNeedsNoFirmware() {
        MachineSettings settings;
        settings.directBoot = {QStringLiteral("/k"),
                               QStringLiteral("/i"),
                               QStringLiteral("quiet"),
                               {QStringLiteral("/m/module.o")}};
        settings.serialPorts = {{0, SerialMode::Console, {}}};
        OpenedFiles files;
        files.kernel = anyFile();
        files.initrd = anyFile();
        files.modules.push_back(anyFile());
        files.serialPorts.resize(1);
        files.serialPorts[0].stream = anyFile();
        const auto made = translate({}, settings, std::move(files), WorkerLife::WithClients);
        QCOMPARE(made.config.firmware.kind, control::FirmwareKind::None);
        QVERIFY(made.config.kernel.kernelFd >= 0 && made.config.kernel.initrdFd >= 0);
        QCOMPARE(made.config.kernel.commandLine, std::string("quiet"));
        QCOMPARE(made.config.kernel.modules.at(0).commandLine, std::string("module.o"));
        QVERIFY(made.config.exitWhenClientsLeave);
        QCOMPARE(made.config.serialPorts[0].kind, control::SerialKind::Stream);
        QCOMPARE(made.config.serialPorts[0].inputFd, made.config.serialPorts[0].outputFd);
    }
};

} // namespace vivarium::test

using vivarium::test::ConfigTranslatorTest;
VIVARIUM_TEST(ConfigTranslatorTest)
#include "config_translator_test.moc"
