#include "app/gui/application.h"
#include "app/gui/command_line.h"
#include "ui/main_window/desktop_theme.h"
#include "ui/widgets/icons.h"

#include <QApplication>

static void initializeTranslationResources() {
    Q_INIT_RESOURCE(translations);
}

int main(int argc, char** argv) {
    QApplication qtApplication(argc, argv);
    QApplication::setApplicationName(QStringLiteral("Vivarium"));
    QApplication::setApplicationVersion(QStringLiteral(VIVARIUM_VERSION));
    QGuiApplication::setDesktopFileName(QStringLiteral("vivarium"));
    initializeTranslationResources();
    QApplication::setWindowIcon(vivarium::applicationIcon(QStringLiteral("vivarium")));
    const vivarium::DesktopTheme theme;

    vivarium::Application application(vivarium::CommandLine::parse(QCoreApplication::arguments()));
    switch (application.open()) {
    case vivarium::Application::Opened::Windows:
        return QApplication::exec();
    case vivarium::Application::Opened::Elsewhere:
        return 0;
    case vivarium::Application::Opened::Nothing:
        break;
    }
    return 1;
}
