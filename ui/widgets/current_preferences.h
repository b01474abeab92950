#pragma once

#include "core/settings/application_paths.h"
#include "core/settings/preferences.h"

#include <QObject>

namespace vivarium {

// The preferences in force, and the news of a change. GUI thread; owned by the application.
class CurrentPreferences : public QObject {
    Q_OBJECT
public:
    explicit CurrentPreferences(const ApplicationPaths& paths, QObject* parent = nullptr)
        : QObject(parent), m_paths(paths), m_value(Preferences::load(paths)) {}

    const ApplicationPaths& paths() const { return m_paths; }
    const Preferences& value() const { return m_value; }
    // Stores and announces them; the error says why they could not be stored (they are in force
    // for this run all the same).
    Result<void> set(const Preferences& preferences) {
        m_value = preferences;
        Result<void> saved = m_value.save(m_paths);
        Q_EMIT
        changed();
        return saved;
    }
    QString machinesFolder() const {
        return m_value.machinesFolder.isEmpty() ? m_paths.machines : m_value.machinesFolder;
    }

Q_SIGNALS:
    void changed();

private:
    ApplicationPaths m_paths;
    Preferences m_value;
};

} // namespace vivarium
