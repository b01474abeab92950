#pragma once

#include "core/settings/application_paths.h"
#include "vmm/base/result.h"

#include <QString>
#include <QStringList>

namespace vivarium {

// What the user chose for the whole application: a plain value, kept in `config`/vivarium.ini.
// Geometry and the like are the window's own and stand in other groups of the same file.
struct Preferences {
    // Key that releases the guest's keyboard and pointer: a name of vmm/base/key_codes.h.
    QString hostKey = QStringLiteral("rightctrl");
    QString machinesFolder;          // of new machines; empty: ApplicationPaths::machines
    QString mediaFolder;             // where a file dialog for media starts; empty: the home folder
    QString screenshotsFolder;       // empty: the desktop's pictures folder
    QString language;                // "de", "pt_BR"; empty: the desktop's
    bool autoCaptureKeyboard = true; // the console takes the keyboard when it gets the focus
    bool confirmClosing = true;      // ask what to do with a running guest when its window closes
    bool saveAtSessionEnd = false;   // running machines, when the desktop session ends
    bool operator==(const Preferences&) const = default;

    // Reads the file; anything missing or unusable keeps its default, so a broken file never stops
    // the application.
    static Preferences load(const ApplicationPaths& paths);
    // Errors: PermissionDenied, NoSpace, Io; the file is replaced as a whole or not at all.
    Result<void> save(const ApplicationPaths& paths) const;
    static QString filePath(const ApplicationPaths& paths);
};

} // namespace vivarium
