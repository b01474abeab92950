#include "tests/integration/guests/initramfs.h"
#include "tests/support/test_main.h"
#include "tests/support/viv_session.h"

#include <QFile>
#include <QTest>

namespace vivarium::test {

// Debian's virtio driver on our network card.
class NetworkGuestTest : public QObject {
    Q_OBJECT

    // In the order of their dependencies.
    static QStringList modules() {
        const auto module = [](const char* path) {
            return guestFile(QStringLiteral("linux-image-cloud-amd64"),
                             kernelFolder() + QString::fromLatin1(path));
        };
        return {module("drivers/virtio/virtio_ring.ko"),
                module("drivers/virtio/virtio.ko"),
                module("drivers/virtio/virtio_pci_legacy_dev.ko"),
                module("drivers/virtio/virtio_pci_modern_dev.ko"),
                module("drivers/virtio/virtio_pci.ko"),
                module("net/core/failover.ko"),
                module("drivers/net/net_failover.ko"),
                module("drivers/net/virtio_net.ko")};
    }
    // "lib/modules/6.1.0-1-cloud-amd64/kernel/"
    static QString kernelFolder() {
        return QStringLiteral("lib/modules/") +
               guestFile(QStringLiteral("linux-image-cloud-amd64"),
                         QStringLiteral("lib/modules/*-amd64"))
                   .section(u'/', -1) +
               QStringLiteral("/kernel/");
    }

private Q_SLOTS:
    void linuxDrivesTheCard() {
        const QString busybox = QStringLiteral("/bin/busybox");
        const QString kernel =
            guestFile(QStringLiteral("linux-image-cloud-amd64"), QStringLiteral("boot/vmlinuz-*"));
        if (const QString reason = missingFile(QStringList{kernel, busybox} + modules());
            !reason.isEmpty())
            QSKIP(qPrintable(reason));
        VivSession session;
        QByteArray script = "#!/bin/sh\n"
                            "/bin/busybox --install -s /bin\n"
                            "mkdir /proc /sys\n"
                            "mount -t proc proc /proc\n"
                            "mount -t sysfs sysfs /sys\n";
        std::vector<InitramfsFile> files{{QStringLiteral("bin/busybox"), busybox},
                                         {QStringLiteral("bin/sh"), busybox}};
        for (const QString& module : modules()) {
            const QString name = module.section(u'/', -1);
            files.push_back({QStringLiteral("modules/") + name, module});
            script += "insmod /modules/" + name.toUtf8() + " || echo no " + name.toUtf8() + '\n';
        }
        script += "card=/sys/class/net/eth0\n"
                  "echo address $(cat $card/address)\n"
                  "ip link set eth0 up && echo up\n"
                  "echo carrier $(cat $card/carrier), $(cat $card/operstate)\n"
                  "ip link set eth0 promisc on\n"
                  "ip link set eth0 promisc off\n"
                  "ifconfig eth0 allmulti\n"
                  "ip link set eth0 down\n"
                  "ip link set eth0 address 02:00:00:00:00:05\n"
                  "ip link set eth0 up\n"
                  "echo new address $(cat $card/address)\n"
                  "echo second card $(cat /sys/class/net/eth1/address)\n"
                  "echo complaints: $(dmesg | grep -i 'virtio_net.*fail')\n"
                  "echo script over\n"
                  "poweroff -f\n";
        QFile init(session.path(QStringLiteral("init")));
        QVERIFY(init.open(QIODevice::WriteOnly) && init.write(script) == script.size());
        init.close();
        files.push_back({QStringLiteral("init"), init.fileName()});
        QFile initrd(session.path(QStringLiteral("initrd")));
        QVERIFY(initrd.open(QIODevice::WriteOnly) && initrd.write(makeInitramfs(files)) > 0);
        initrd.close();
        const auto output = session.run(
            {QStringLiteral("run"), QStringLiteral("--accelerator"), QStringLiteral("software"),
             QStringLiteral("--memory"), QStringLiteral("256M"), QStringLiteral("--serial"),
             QStringLiteral("stdio"), QStringLiteral("--timeout"), QStringLiteral("240"),
             QStringLiteral("--nic"), QStringLiteral("unattached,mac=52:54:00:12:34:56"),
             QStringLiteral("--nic"), QStringLiteral("unattached,mac=52:54:00:ab:cd:ef"),
             QStringLiteral("--kernel"), kernel, QStringLiteral("--initrd"), initrd.fileName(),
             QStringLiteral("--append"), QStringLiteral("console=ttyS0 quiet panic=-1")},
            250'000);
        const QByteArray all = output.standardOutput + output.standardError;
        QVERIFY2(all.contains("script over"), all);
        QVERIFY2(all.contains("address 52:54:00:12:34:56\r\n"), all);
        QVERIFY2(all.contains("up\r\ncarrier 0, down\r\n"), all);
        QVERIFY2(all.contains("new address 02:00:00:00:00:05\r\n"), all);
        QVERIFY2(all.contains("second card 52:54:00:ab:cd:ef\r\n"), all);
        QVERIFY2(all.contains("complaints:\r\n"), all);
        QVERIFY2(!all.contains("must reset the device"), all);
        QVERIFY2(output.status == 0, all);
    }
};

} // namespace vivarium::test

using vivarium::test::NetworkGuestTest;
VIVARIUM_TEST(NetworkGuestTest)
#include "network_guest_test.moc"
