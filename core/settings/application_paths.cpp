#include "core/settings/application_paths.h"

#include <QDir>

#include <unistd.h>

namespace vivarium {

using namespace Qt::StringLiterals;

namespace {

// An XDG base folder. The specification tells programs to ignore a relative path in the variable.
QString baseFolder(const char* variable, const QString& fallback) {
    const QString value = qEnvironmentVariable(variable);
    return value.startsWith(u'/') ? QDir::cleanPath(value) : fallback;
}

} // namespace

ApplicationPaths ApplicationPaths::fromEnvironment() {
    if (const QString home = qEnvironmentVariable("VIVARIUM_HOME"); !home.isEmpty()) {
        const QString root = QDir::cleanPath(QDir::current().absoluteFilePath(home));
        return {root + u"/library"_s, root + u"/machines"_s, root + u"/run"_s, root + u"/config"_s};
    }
    const QString data = baseFolder("XDG_DATA_HOME", QDir::homePath() + u"/.local/share"_s);
    const QString config = baseFolder("XDG_CONFIG_HOME", QDir::homePath() + u"/.config"_s);
    const QString runtime = baseFolder("XDG_RUNTIME_DIR", {});
    return {data + u"/vivarium"_s, data + u"/vivarium/machines"_s,
            runtime.isEmpty() ? u"/tmp/vivarium-%1"_s.arg(::getuid()) : runtime + u"/vivarium"_s,
            config + u"/vivarium"_s};
}

} // namespace vivarium
