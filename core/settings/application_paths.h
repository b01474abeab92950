#pragma once

#include <QString>

namespace vivarium {

// Where things are: $VIVARIUM_HOME/{library,machines,run,config} when it is set (tests, portable
// use), else the XDG folders. All absolute; not created here.
struct ApplicationPaths {
    QString library;  // library.sqlite and its backups ($XDG_DATA_HOME/vivarium)
    QString machines; // default folder of new machines ($XDG_DATA_HOME/vivarium/machines)
    QString
        runtime;    // sockets ($XDG_RUNTIME_DIR/vivarium; /tmp/vivarium-UID, mode 0700, without it)
    QString config; // vivarium.ini ($XDG_CONFIG_HOME/vivarium)
    static ApplicationPaths fromEnvironment();
};

} // namespace vivarium
