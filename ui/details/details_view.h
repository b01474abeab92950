#pragma once

#include "core/model/machine.h"
#include "ui/details/details_section.h"

#include <QScrollArea>

namespace vivarium {

class DiskNames;
class GuestDisplays;
class GuestPreview;
class Library;
class Supervisor;

// Everything about one machine at a glance, in VirtualBox's sections, with the preview of its
// screen. Follows the library and the supervisor. GUI thread.
class DetailsView : public QScrollArea {
    Q_OBJECT
public:
    DetailsView(Library& library, Supervisor& supervisor, GuestDisplays& displays,
                QWidget* parent = nullptr);

    void setMachine(const MachineId& id);
    MachineId machine() const { return m_machine; }
    // All sections as plain text.
    QString plainText() const;

Q_SIGNALS:
    // `page` as in MachineSettingsDialog::Page.
    void settingsRequested(int page);
    void activated(const vivarium::MachineId& id);

protected:
    void changeEvent(QEvent* event) override;

private:
    void retranslate();
    void refresh();
    void showGeneral(const Machine& machine);
    void showSystem(const Machine& machine);
    void showDisplay(const Machine& machine);
    void showStorage(const Machine& machine);
    void showNetworkCards(const Machine& machine);
    void showSerialPorts(const Machine& machine);
    void showNotes(const Machine& machine);

    const Library& m_library;
    DiskNames* m_diskNames;
    Supervisor& m_supervisor;
    MachineId m_machine;
    DetailsSection* m_general;
    DetailsSection* m_system;
    DetailsSection* m_display;
    DetailsSection* m_storage;
    DetailsSection* m_network;
    DetailsSection* m_serialPorts;
    DetailsSection* m_notes;
    GuestPreview* m_preview;
};

} // namespace vivarium
