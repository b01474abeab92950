#pragma once

#include "core/database/library.h"
#include "core/supervisor/supervisor.h"
#include "ui/machine_settings/settings_dialog_frame.h"
#include "ui/machine_settings/settings_page.h"
#include "ui/widgets/settings_page_id.h"

namespace vivarium {

class CurrentPreferences;
class StoragePage;

// Everything about one machine, in VirtualBox's sections. Checks while the user types; OK stores,
// and changes what a running guest can take at once. Follows the machine's state while it is open.
// GUI thread.
class MachineSettingsDialog : public SettingsDialogFrame {
    Q_OBJECT
public:
    MachineSettingsDialog(Library& library, Supervisor& supervisor,
                          const CurrentPreferences& preferences, const MachineId& id,
                          QWidget* parent);

    void showSection(SettingsPageId page) { showPage(static_cast<int>(page)); }
    // The machine as the pages have it now.
    Machine edited() const;

protected:
    void apply() override;

private:
    void addSections();
    void addSection(const QString& icon, const QString& title, SettingsPage* page);
    void check();
    void updateLiveness();
    void createDisk();
    // The drives of a running machine first, then the rest.
    void changeDrives(const Machine& machine);
    void storeRest(const Machine& machine);
    void showFailure(const Error& error);

    Library& m_library;
    Supervisor& m_supervisor;
    const CurrentPreferences& m_preferences;
    Machine m_original;
    QList<SettingsPage*> m_pages;
    StoragePage* m_storage = nullptr;
    bool m_isLoaded = false;
};

} // namespace vivarium
