#include "tests/support/test_main.h"
#include "ui/console/machine_console.h"
#include "ui/machine_settings/machine_settings_dialog.h"
#include "ui/main_window/main_window.h"
#include "ui/new_machine/new_machine_wizard.h"
#include "ui/snapshots/snapshot_pane.h"

#include <QDirIterator>
#include <QFile>
#include <QRegularExpression>
#include <QTest>
#include <QTranslator>
#include <QXmlStreamReader>

namespace vivarium::test {

namespace {

struct Message {
    QString source;
    QString translation; // all plural forms, one after the other
    bool isFinished = true;
};

QList<Message> readCatalogue(const QString& language) {
    QFile file(QStringLiteral(VIVARIUM_SOURCE_DIR "/translations/vivarium_%1.ts").arg(language));
    QList<Message> messages;
    if (!file.open(QIODevice::ReadOnly))
        return messages;
    QXmlStreamReader xml(&file);
    while (!xml.atEnd()) {
        if (xml.readNext() != QXmlStreamReader::StartElement)
            continue;
        if (xml.name() == u"message") {
            messages.append(Message());
        } else if (xml.name() == u"source") {
            messages.last().source = xml.readElementText();
        } else if (xml.name() == u"translation") {
            messages.last().isFinished = xml.attributes().isEmpty();
            messages.last().translation =
                xml.readElementText(QXmlStreamReader::IncludeChildElements).trimmed();
        }
    }
    return messages;
}

QStringList placeholders(const QString& text) {
    static const QRegularExpression pattern(QStringLiteral("%(\\d|n)"));
    QStringList found;
    for (auto match = pattern.globalMatch(text); match.hasNext();)
        found << match.next().captured();
    found.removeDuplicates();
    found.sort();
    return found;
}

} // namespace

// The catalogues: complete, and under the names that the program asks for.
class TranslationsTest : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void catalogueIsComplete_data();
    void catalogueIsComplete();
    void windowsAreTranslated();
    void englishHasPlurals();
};

void TranslationsTest::catalogueIsComplete_data() {
    QTest::addColumn<QString>("language");
    QTest::newRow("de") << QStringLiteral("de");
    QTest::newRow("en") << QStringLiteral("en");
}

void TranslationsTest::catalogueIsComplete() {
    QFETCH(QString, language);
    const QList<Message> messages = readCatalogue(language);
    QVERIFY(!messages.isEmpty());
    for (const Message& message : messages) {
        QVERIFY2(message.isFinished && !message.translation.isEmpty(), qPrintable(message.source));
        QVERIFY2(placeholders(message.translation) == placeholders(message.source),
                 qPrintable(message.source + QStringLiteral(" / ") + message.translation));
    }
}

void TranslationsTest::windowsAreTranslated() {
    QTranslator german;
    QVERIFY(german.load(QStringLiteral(VIVARIUM_CATALOGUE_FOLDER "/vivarium_de.qm")));
    const std::pair<const QMetaObject*, const char*> texts[] = {
        {&MainWindow::staticMetaObject, "Logs"},
        {&MachineConsole::staticMetaObject, "&Devices"},
        {&NewMachineWizard::staticMetaObject, "Create Virtual Machine"},
        {&MachineSettingsDialog::staticMetaObject, "Storage"},
        {&SnapshotPane::staticMetaObject, "Restore"},
    };
    for (const auto& [window, text] : texts)
        QVERIFY2(!german.translate(window->className(), text).isEmpty(), window->className());
}

void TranslationsTest::englishHasPlurals() {
    QTranslator english;
    QVERIFY(english.load(QStringLiteral(VIVARIUM_CATALOGUE_FOLDER "/vivarium_en.qm")));
    const char* window = MainWindow::staticMetaObject.className();
    const char* selected = "%n machine(s) selected";
    QVERIFY(!english.translate(window, selected, nullptr, 1).contains(u'('));
    QVERIFY(english.translate(window, selected, nullptr, 1) !=
            english.translate(window, selected, nullptr, 2));
    // Every plural of the sources is in the catalogue.
    QSet<QString> known;
    for (const Message& message : readCatalogue(QStringLiteral("en")))
        known.insert(message.source);
    static const QRegularExpression plural(QStringLiteral("tr\\(\\s*\"([^\"]*%n[^\"]*)\""));
    for (const char* folder : {"ui", "app/gui"}) {
        QDirIterator files(QStringLiteral(VIVARIUM_SOURCE_DIR "/") + QLatin1String(folder),
                           {QStringLiteral("*.cpp")}, QDir::Files, QDirIterator::Subdirectories);
        while (files.hasNext()) {
            QFile source(files.next());
            QVERIFY(source.open(QIODevice::ReadOnly));
            const QString text = QString::fromUtf8(source.readAll());
            for (auto match = plural.globalMatch(text); match.hasNext();) {
                const QString found = match.next().captured(1);
                QVERIFY2(known.contains(found), qPrintable(found));
            }
        }
    }
}

} // namespace vivarium::test

using vivarium::test::TranslationsTest;
VIVARIUM_TEST(TranslationsTest)
#include "translations_test.moc"
