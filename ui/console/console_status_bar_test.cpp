#include "tests/support/test_main.h"
#include "ui/console/console_status_bar.h"

#include <QLabel>
#include <QTest>

namespace vivarium::test {

class ConsoleStatusBarTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void changedDrivesLeaveTheRestAsItIs() {
        ConsoleStatusBar bar;
        QList<DriveSettings> drives{{DriveType::Optical, 0, QStringLiteral("/a.iso")},
                                    {DriveType::HardDisk, 1, QStringLiteral("/a.img")}};
        bar.setDrives(drives);
        bar.show();
        for (const char* name : {"/b.img", "/c.img", "/d.img"}) {
            drives[1].path = QString::fromUtf8(name);
            bar.setDrives(drives);
            bar.setDrives(drives);
            QCoreApplication::sendPostedEvents(nullptr, QEvent::DeferredDelete);
            QCoreApplication::processEvents();
            QStringList texts;
            int pictures = 0;
            for (const auto* label : bar.findChildren<QLabel*>()) {
                if (!label->isVisible())
                    continue;
                if (!label->text().isEmpty())
                    texts << label->text();
                else if (label->toolTip().contains(u"Port"))
                    ++pictures;
            }
            QCOMPARE(texts.mid(0, 3), (QStringList{u"Num"_qs, u"Caps"_qs, u"Scroll"_qs}));
            QCOMPARE(pictures, 2);
        }
    }
};

} // namespace vivarium::test

using vivarium::test::ConsoleStatusBarTest;
VIVARIUM_TEST(ConsoleStatusBarTest)
#include "console_status_bar_test.moc"
