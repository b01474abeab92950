<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de_DE" sourcelanguage="en">
<context>
    <name>DiskChecks</name>
    <message>
        <source>Type a size such as “20 GB” or “512 MB”.</source>
        <translation>Geben Sie eine Größe wie „20 GB“ oder „512 MB“ ein.</translation>
    </message>
    <message>
        <source>The disk must have between %1 and %2.</source>
        <translation>Die Festplatte muss zwischen %1 und %2 groß sein.</translation>
    </message>
    <message>
        <source>There are only %1 free; choose a smaller disk, or do not pre-allocate it.</source>
        <translation>Es sind nur %1 frei; wählen Sie eine kleinere Festplatte oder belegen Sie sie nicht vorab.</translation>
    </message>
    <message>
        <source>There are only %1 free: the guest will be paused when they are used up.</source>
        <translation>Es sind nur %1 frei: Der Gast wird angehalten, wenn sie aufgebraucht sind.</translation>
    </message>
    <message>
        <source>Choose the file of the disk.</source>
        <translation>Wählen Sie die Datei der Festplatte.</translation>
    </message>
    <message>
        <source>There is no such file.</source>
        <translation>Diese Datei gibt es nicht.</translation>
    </message>
    <message>
        <source>This is a folder; choose the file of a disk in it.</source>
        <translation>Das ist ein Ordner; wählen Sie die Datei einer Festplatte darin.</translation>
    </message>
    <message>
        <source>You have no permission to read this file.</source>
        <translation>Sie dürfen diese Datei nicht lesen.</translation>
    </message>
    <message>
        <source>The file is empty.</source>
        <translation>Die Datei ist leer.</translation>
    </message>
    <message>
        <source>Its size is not a whole number of 512-byte sectors; it may not be a raw disk image.</source>
        <translation>Ihre Größe ist keine ganze Zahl von 512-Byte-Sektoren; sie ist vielleicht kein rohes Festplattenabbild.</translation>
    </message>
    <message>
        <source>Give the whole path, beginning with “/”.</source>
        <translation>Geben Sie den ganzen Pfad an, beginnend mit „/“.</translation>
    </message>
    <message>
        <source>This is a file, not a folder.</source>
        <translation>Das ist eine Datei, kein Ordner.</translation>
    </message>
    <message>
        <source>You have no permission to write into this folder.</source>
        <translation>Sie dürfen nicht in diesen Ordner schreiben.</translation>
    </message>
    <message>
        <source>It holds a folder with the machine&apos;s name that is not empty.</source>
        <translation>Er enthält einen Ordner mit dem Namen der Maschine, der nicht leer ist.</translation>
    </message>
</context>
<context>
    <name>ErrorText</name>
    <message>
        <source>The library of machines could not be opened.</source>
        <translation>Die Bibliothek der Maschinen konnte nicht geöffnet werden.</translation>
    </message>
    <message>
        <source>The machine “%1” could not be started.</source>
        <translation>Die Maschine „%1“ konnte nicht gestartet werden.</translation>
    </message>
    <message>
        <source>The machine “%1” could not be paused.</source>
        <translation>Die Maschine „%1“ konnte nicht angehalten werden.</translation>
    </message>
    <message>
        <source>The machine “%1” could not be resumed.</source>
        <translation>Die Maschine „%1“ konnte nicht fortgesetzt werden.</translation>
    </message>
    <message>
        <source>The machine “%1” could not be reset.</source>
        <translation>Die Maschine „%1“ konnte nicht zurückgesetzt werden.</translation>
    </message>
    <message>
        <source>The shutdown signal could not be sent to the machine “%1”.</source>
        <translation>Das Signal zum Herunterfahren konnte nicht an die Maschine „%1“ gesendet werden.</translation>
    </message>
    <message>
        <source>The machine “%1” could not be powered off.</source>
        <translation>Die Maschine „%1“ konnte nicht ausgeschaltet werden.</translation>
    </message>
    <message>
        <source>The machine “%1” could not be created.</source>
        <translation>Die Maschine „%1“ konnte nicht erzeugt werden.</translation>
    </message>
    <message>
        <source>“%1” could not be added to the library.</source>
        <translation>„%1“ konnte der Bibliothek nicht hinzugefügt werden.</translation>
    </message>
    <message>
        <source>The settings of “%1” could not be saved.</source>
        <translation>Die Einstellungen von „%1“ konnten nicht gespeichert werden.</translation>
    </message>
    <message>
        <source>The machine could not be renamed to “%1”.</source>
        <translation>Die Maschine konnte nicht in „%1“ umbenannt werden.</translation>
    </message>
    <message>
        <source>The machine “%1” could not be removed.</source>
        <translation>Die Maschine „%1“ konnte nicht entfernt werden.</translation>
    </message>
    <message>
        <source>The disk “%1” could not be created.</source>
        <translation>Die Festplatte „%1“ konnte nicht erzeugt werden.</translation>
    </message>
    <message>
        <source>The image “%1” could not be read.</source>
        <translation>Das Abbild „%1“ konnte nicht gelesen werden.</translation>
    </message>
    <message>
        <source>The medium of “%1” could not be changed.</source>
        <translation>Das Medium von „%1“ konnte nicht gewechselt werden.</translation>
    </message>
    <message>
        <source>The screenshot of “%1” could not be taken.</source>
        <translation>Das Bildschirmfoto von „%1“ konnte nicht aufgenommen werden.</translation>
    </message>
    <message>
        <source>The text could not be typed into “%1”.</source>
        <translation>Der Text konnte nicht in „%1“ getippt werden.</translation>
    </message>
    <message>
        <source>The remote screen “%1” could not be shown.</source>
        <translation>Der Fernbildschirm „%1“ konnte nicht angezeigt werden.</translation>
    </message>
    <message>
        <source>The log of “%1” could not be read.</source>
        <translation>Das Protokoll von „%1“ konnte nicht gelesen werden.</translation>
    </message>
    <message>
        <source>A value is not allowed.</source>
        <translation>Ein Wert ist nicht erlaubt.</translation>
    </message>
    <message>
        <source>Something that is needed was not found.</source>
        <translation>Etwas Benötigtes wurde nicht gefunden.</translation>
    </message>
    <message>
        <source>There is already something with this name.</source>
        <translation>Etwas mit diesem Namen gibt es schon.</translation>
    </message>
    <message>
        <source>Your user account does not have the permission.</source>
        <translation>Ihr Benutzerkonto hat nicht die Berechtigung.</translation>
    </message>
    <message>
        <source>It is in use by another machine or program.</source>
        <translation>Es wird von einer anderen Maschine oder einem anderen Programm benutzt.</translation>
    </message>
    <message>
        <source>There is no space left on the disk of this computer.</source>
        <translation>Auf dem Datenträger dieses Rechners ist kein Platz mehr.</translation>
    </message>
    <message>
        <source>This computer reported an error while reading or writing.</source>
        <translation>Dieser Rechner meldete einen Fehler beim Lesen oder Schreiben.</translation>
    </message>
    <message>
        <source>This version of Vivarium or this computer does not support it.</source>
        <translation>Diese Version von Vivarium oder dieser Rechner unterstützt es nicht.</translation>
    </message>
    <message>
        <source>The file is damaged or is not of the expected kind.</source>
        <translation>Die Datei ist beschädigt oder nicht von der erwarteten Art.</translation>
    </message>
    <message>
        <source>It is more than is allowed or available.</source>
        <translation>Es ist mehr, als erlaubt oder verfügbar ist.</translation>
    </message>
    <message>
        <source>That is not possible in the machine&apos;s present state.</source>
        <translation>Das ist im gegenwärtigen Zustand der Maschine nicht möglich.</translation>
    </message>
    <message>
        <source>There was no answer in time.</source>
        <translation>Es kam nicht rechtzeitig eine Antwort.</translation>
    </message>
    <message>
        <source>Something that is needed is not available on this computer now.</source>
        <translation>Etwas Benötigtes ist auf diesem Rechner zurzeit nicht verfügbar.</translation>
    </message>
    <message>
        <source>It was cancelled.</source>
        <translation>Es wurde abgebrochen.</translation>
    </message>
    <message>
        <source>The connection was lost.</source>
        <translation>Die Verbindung ging verloren.</translation>
    </message>
    <message>
        <source>An unexpected error occurred inside Vivarium.</source>
        <translation>In Vivarium trat ein unerwarteter Fehler auf.</translation>
    </message>
    <message>
        <source>Correct the value in the machine&apos;s settings, then try again.</source>
        <translation>Berichtigen Sie den Wert in den Einstellungen der Maschine und versuchen Sie es erneut.</translation>
    </message>
    <message>
        <source>Check that the file is still where it was, or choose another one in the settings.</source>
        <translation>Prüfen Sie, ob die Datei noch an ihrem Platz ist, oder wählen Sie in den Einstellungen eine andere.</translation>
    </message>
    <message>
        <source>Choose another name.</source>
        <translation>Wählen Sie einen anderen Namen.</translation>
    </message>
    <message>
        <source>Give your user account access to the file or folder, then try again.</source>
        <translation>Geben Sie Ihrem Benutzerkonto Zugriff auf die Datei oder den Ordner und versuchen Sie es erneut.</translation>
    </message>
    <message>
        <source>Stop the other machine or program first, then try again.</source>
        <translation>Beenden Sie erst die andere Maschine oder das andere Programm und versuchen Sie es erneut.</translation>
    </message>
    <message>
        <source>Delete files that you do not need any more, then try again.</source>
        <translation>Löschen Sie Dateien, die Sie nicht mehr brauchen, und versuchen Sie es erneut.</translation>
    </message>
    <message>
        <source>Check the disk or the network drive that the file is on.</source>
        <translation>Prüfen Sie den Datenträger oder das Netzlaufwerk, auf dem die Datei liegt.</translation>
    </message>
    <message>
        <source>Choose another setting or another file.</source>
        <translation>Wählen Sie eine andere Einstellung oder eine andere Datei.</translation>
    </message>
    <message>
        <source>Use another copy of the file.</source>
        <translation>Verwenden Sie eine andere Kopie der Datei.</translation>
    </message>
    <message>
        <source>Choose a smaller value, then try again.</source>
        <translation>Wählen Sie einen kleineren Wert und versuchen Sie es erneut.</translation>
    </message>
    <message>
        <source>Wait until the present action has finished, then try again.</source>
        <translation>Warten Sie, bis die gegenwärtige Aktion beendet ist, und versuchen Sie es erneut.</translation>
    </message>
    <message>
        <source>Try again; if it does not help, look at the machine&apos;s log.</source>
        <translation>Versuchen Sie es erneut; wenn das nicht hilft, sehen Sie ins Protokoll der Maschine.</translation>
    </message>
    <message>
        <source>The details say what to do about it.</source>
        <translation>Die Details sagen, was dagegen zu tun ist.</translation>
    </message>
    <message>
        <source>Look at the machine&apos;s log, then start it again.</source>
        <translation>Sehen Sie ins Protokoll der Maschine und starten Sie sie dann erneut.</translation>
    </message>
    <message>
        <source>Please report this with the details and the machine&apos;s log.</source>
        <translation>Bitte melden Sie dies mit den Details und dem Protokoll der Maschine.</translation>
    </message>
    <message>
        <source>The library was written by a newer version of Vivarium and was left untouched. Install that version, or use another library folder.</source>
        <translation>Die Bibliothek wurde von einer neueren Version von Vivarium geschrieben und nicht angerührt. Installieren Sie diese Version oder verwenden Sie einen anderen Bibliotheksordner.</translation>
    </message>
    <message>
        <source>Nothing was changed. Restore the file from a backup (they are beside it), or move it away to begin with an empty library.</source>
        <translation>Nichts wurde geändert. Stellen Sie die Datei aus einer Sicherung wieder her (sie liegen daneben) oder legen Sie sie beiseite, um mit einer leeren Bibliothek zu beginnen.</translation>
    </message>
    <message>
        <source>Give the machine less memory, or close other programs, then try again.</source>
        <translation>Geben Sie der Maschine weniger Speicher oder schließen Sie andere Programme und versuchen Sie es erneut.</translation>
    </message>
    <message>
        <source>Power off the machine that uses the disk, or choose another disk.</source>
        <translation>Schalten Sie die Maschine aus, die die Festplatte benutzt, oder wählen Sie eine andere Festplatte.</translation>
    </message>
    <message>
        <source>Check the password, then connect again.</source>
        <translation>Prüfen Sie das Passwort und verbinden Sie sich erneut.</translation>
    </message>
    <message>
        <source>Check the address and that the remote screen is switched on, then connect again.</source>
        <translation>Prüfen Sie die Adresse und ob der Fernbildschirm eingeschaltet ist, und verbinden Sie sich erneut.</translation>
    </message>
    <message>
        <source>Eject the medium inside the guest first, or force it.</source>
        <translation>Werfen Sie das Medium zuerst im Gast aus oder erzwingen Sie es.</translation>
    </message>
    <message>
        <source>Nothing answers at this address.</source>
        <translation>An dieser Adresse antwortet nichts.</translation>
    </message>
    <message>
        <source>The address is not understood.</source>
        <translation>Die Adresse ist nicht verständlich.</translation>
    </message>
    <message>
        <source>There is no computer with this name.</source>
        <translation>Es gibt keinen Computer mit diesem Namen.</translation>
    </message>
    <message>
        <source>The password was refused.</source>
        <translation>Das Passwort wurde abgelehnt.</translation>
    </message>
    <message>
        <source>What answers at this address is not a VNC server.</source>
        <translation>Was an dieser Adresse antwortet, ist kein VNC-Server.</translation>
    </message>
    <message>
        <source>The disk “%1” could not be copied.</source>
        <translation>Die Festplatte „%1“ konnte nicht kopiert werden.</translation>
    </message>
    <message>
        <source>The disk “%1” could not be resized.</source>
        <translation>Die Größe der Festplatte „%1“ konnte nicht geändert werden.</translation>
    </message>
    <message>
        <source>The disk “%1” could not be compacted.</source>
        <translation>Die Festplatte „%1“ konnte nicht verkleinert werden.</translation>
    </message>
    <message>
        <source>The disk “%1” could not be checked.</source>
        <translation>Die Festplatte „%1“ konnte nicht geprüft werden.</translation>
    </message>
    <message>
        <source>The disk “%1” could not be removed.</source>
        <translation>Die Festplatte „%1“ konnte nicht entfernt werden.</translation>
    </message>
    <message>
        <source>The snapshot of “%1” could not be taken.</source>
        <translation>Der Sicherungspunkt von „%1“ konnte nicht erstellt werden.</translation>
    </message>
    <message>
        <source>The snapshot “%1” could not be restored.</source>
        <translation>Der Sicherungspunkt „%1“ konnte nicht wiederhergestellt werden.</translation>
    </message>
    <message>
        <source>The snapshot “%1” could not be deleted.</source>
        <translation>Der Sicherungspunkt „%1“ konnte nicht gelöscht werden.</translation>
    </message>
    <message>
        <source>The snapshot “%1” could not be changed.</source>
        <translation>Der Sicherungspunkt „%1“ konnte nicht geändert werden.</translation>
    </message>
    <message>
        <source>The state of “%1” could not be saved.</source>
        <translation>Der Zustand von „%1“ konnte nicht gespeichert werden.</translation>
    </message>
    <message>
        <source>The saved state of “%1” could not be discarded.</source>
        <translation>Der gespeicherte Zustand von „%1“ konnte nicht verworfen werden.</translation>
    </message>
    <message>
        <source>The machine “%1” could not be cloned.</source>
        <translation>Die Maschine „%1“ konnte nicht geklont werden.</translation>
    </message>
    <message>
        <source>The machine “%1” could not be forked.</source>
        <translation>Die Maschine „%1“ konnte nicht vervielfältigt werden.</translation>
    </message>
    <message>
        <source>Something else is being done to the machine, or it is in use.</source>
        <translation>An der Maschine wird gerade etwas anderes getan, oder sie ist in Gebrauch.</translation>
    </message>
    <message>
        <source>Wait until it has finished, then try again.</source>
        <translation>Warten Sie, bis das beendet ist, und versuchen Sie es dann erneut.</translation>
    </message>
    <message>
        <source>Choose another name or description, then try again.</source>
        <translation>Wählen Sie einen anderen Namen oder eine andere Beschreibung und versuchen Sie es dann erneut.</translation>
    </message>
    <message>
        <source>The details say what stands in the way.</source>
        <translation>Die Einzelheiten sagen, was im Weg steht.</translation>
    </message>
    <message>
        <source>Another program may have removed it; the list shows what there is.</source>
        <translation>Vielleicht hat ein anderes Programm es entfernt; die Liste zeigt, was es gibt.</translation>
    </message>
    <message>
        <source>The timeline of “%1” could not be changed.</source>
        <translation>Die Zeitleiste von „%1“ konnte nicht geändert werden.</translation>
    </message>
    <message>
        <source>“%1” could not be made a template, or an ordinary machine again.</source>
        <translation>„%1“ konnte nicht zur Vorlage oder wieder zur gewöhnlichen Maschine gemacht werden.</translation>
    </message>
</context>
<context>
    <name>GuestTypeText</name>
    <message>
        <source>Other</source>
        <translation>Anderes</translation>
    </message>
    <message>
        <source>Other Linux</source>
        <translation>Anderes Linux</translation>
    </message>
    <message>
        <source>Other Windows</source>
        <translation>Anderes Windows</translation>
    </message>
    <message>
        <source>Red Hat Enterprise Linux and relatives</source>
        <translation>Red Hat Enterprise Linux und Verwandte</translation>
    </message>
</context>
<context>
    <name>KeyTitles</name>
    <message>
        <source>Right Ctrl</source>
        <translation>Strg rechts</translation>
    </message>
    <message>
        <source>Left Ctrl</source>
        <translation>Strg links</translation>
    </message>
    <message>
        <source>Right Alt</source>
        <translation>Alt rechts</translation>
    </message>
    <message>
        <source>Left Alt</source>
        <translation>Alt links</translation>
    </message>
    <message>
        <source>Right Shift</source>
        <translation>Umschalt rechts</translation>
    </message>
    <message>
        <source>Left Shift</source>
        <translation>Umschalt links</translation>
    </message>
    <message>
        <source>Left Win</source>
        <translation>Win links</translation>
    </message>
    <message>
        <source>Right Win</source>
        <translation>Win rechts</translation>
    </message>
    <message>
        <source>Menu</source>
        <translation>Menü</translation>
    </message>
    <message>
        <source>Scroll Lock</source>
        <translation>Rollen</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Pause</translation>
    </message>
</context>
<context>
    <name>MachineText</name>
    <message>
        <source>Powered Off</source>
        <translation>Ausgeschaltet</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>Startet</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>Läuft</translation>
    </message>
    <message>
        <source>Paused</source>
        <translation>Angehalten</translation>
    </message>
    <message>
        <source>Saved</source>
        <translation>Gespeichert</translation>
    </message>
    <message>
        <source>Aborted</source>
        <translation>Abgebrochen</translation>
    </message>
    <message>
        <source>Stopping</source>
        <translation>Stoppt</translation>
    </message>
    <message>
        <source>BIOS</source>
        <translation>BIOS</translation>
    </message>
    <message>
        <source>UEFI</source>
        <translation>UEFI</translation>
    </message>
    <message>
        <source>Default</source>
        <translation>Vorgabe</translation>
    </message>
    <message>
        <source>KVM</source>
        <translation>KVM</translation>
    </message>
    <message>
        <source>Software</source>
        <translation>Software</translation>
    </message>
    <message>
        <source>Hard Disk</source>
        <translation>Festplatte</translation>
    </message>
    <message>
        <source>Optical</source>
        <translation>Optisch</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Keine</translation>
    </message>
    <message>
        <source>Disconnected</source>
        <translation>Nicht verbunden</translation>
    </message>
    <message>
        <source>Console</source>
        <translation>Konsole</translation>
    </message>
    <message>
        <source>Raw File</source>
        <translation>Rohe Datei</translation>
    </message>
    <message>
        <source>Host Socket</source>
        <translation>Host-Socket</translation>
    </message>
    <message>
        <source>Fit to Window</source>
        <translation>Ins Fenster einpassen</translation>
    </message>
    <message>
        <source>Unscaled (1:1)</source>
        <translation>Unskaliert (1:1)</translation>
    </message>
    <message>
        <source>Whole Multiples</source>
        <translation>Ganze Vielfache</translation>
    </message>
    <message>
        <source>Ask</source>
        <translation>Fragen</translation>
    </message>
    <message>
        <source>Keep running in the background</source>
        <translation>Im Hintergrund weiterlaufen lassen</translation>
    </message>
    <message>
        <source>Send the shutdown signal</source>
        <translation>Signal zum Herunterfahren senden</translation>
    </message>
    <message>
        <source>Power off the machine</source>
        <translation>Die Maschine ausschalten</translation>
    </message>
    <message>
        <source>Created</source>
        <translation>Erzeugt</translation>
    </message>
    <message>
        <source>Settings changed</source>
        <translation>Einstellungen geändert</translation>
    </message>
    <message>
        <source>Renamed</source>
        <translation>Umbenannt</translation>
    </message>
    <message>
        <source>Started</source>
        <translation>Gestartet</translation>
    </message>
    <message>
        <source>Resumed</source>
        <translation>Fortgesetzt</translation>
    </message>
    <message>
        <source>Reset</source>
        <translation>Zurücksetzen</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>Beendet</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>Fehlgeschlagen</translation>
    </message>
    <message>
        <source>Removed</source>
        <translation>Entfernt</translation>
    </message>
    <message>
        <source>%1 MB</source>
        <translation>%1 MB</translation>
    </message>
    <message>
        <source>The machine “%1” ended unexpectedly.</source>
        <translation>Die Maschine „%1“ endete unerwartet.</translation>
    </message>
    <message>
        <source>Its worker process went away without saying why.</source>
        <translation>Ihr Arbeitsprozess verschwand, ohne einen Grund zu nennen.</translation>
    </message>
    <message>
        <source>Look at the log; the machine&apos;s disks are as the guest left them. You can start the machine again.</source>
        <translation>Sehen Sie ins Protokoll; die Festplatten der Maschine sind so, wie der Gast sie hinterließ. Sie können die Maschine erneut starten.</translation>
    </message>
    <message>
        <source>The machine “%1” is paused.</source>
        <translation>Die Maschine „%1“ ist angehalten.</translation>
    </message>
    <message>
        <source>The disk of this computer that holds its files is full; the guest&apos;s write waits, nothing is lost.</source>
        <translation>Der Datenträger dieses Rechners, auf dem ihre Dateien liegen, ist voll; der Schreibvorgang des Gastes wartet, nichts ist verloren.</translation>
    </message>
    <message>
        <source>Make space, then resume the machine.</source>
        <translation>Schaffen Sie Platz und setzen Sie die Maschine dann fort.</translation>
    </message>
    <message>
        <source>A disk image could not be read or written.</source>
        <translation>Ein Festplattenabbild konnte nicht gelesen oder geschrieben werden.</translation>
    </message>
    <message>
        <source>Check the disk that holds the image, then resume to try again.</source>
        <translation>Prüfen Sie den Datenträger mit dem Abbild und setzen Sie die Maschine fort, um es erneut zu versuchen.</translation>
    </message>
    <message>
        <source>The machine “%1” cannot go on.</source>
        <translation>Die Maschine „%1“ kann nicht weiterlaufen.</translation>
    </message>
    <message>
        <source>Its processor met something that the accelerator cannot run. The details show the registers.</source>
        <translation>Ihr Prozessor traf auf etwas, das die Beschleunigung nicht ausführen kann. Die Details zeigen die Register.</translation>
    </message>
    <message>
        <source>Reset the machine or power it off.</source>
        <translation>Setzen Sie die Maschine zurück oder schalten Sie sie aus.</translation>
    </message>
    <message>
        <source>The machine “%1” has crashed.</source>
        <translation>Die Maschine „%1“ ist abgestürzt.</translation>
    </message>
    <message>
        <source>The guest&apos;s processor met a triple fault.</source>
        <translation>Der Prozessor des Gastes traf auf einen dreifachen Fehler.</translation>
    </message>
    <message>
        <source>The name</source>
        <translation>Der Name</translation>
    </message>
    <message>
        <source>The guest type</source>
        <translation>Der Gasttyp</translation>
    </message>
    <message>
        <source>The base memory</source>
        <translation>Der Hauptspeicher</translation>
    </message>
    <message>
        <source>The number of processors</source>
        <translation>Die Zahl der Prozessoren</translation>
    </message>
    <message>
        <source>The video memory</source>
        <translation>Der Grafikspeicher</translation>
    </message>
    <message>
        <source>The file of a drive</source>
        <translation>Die Datei eines Laufwerks</translation>
    </message>
    <message>
        <source>The port of a drive</source>
        <translation>Der Port eines Laufwerks</translation>
    </message>
    <message>
        <source>The list of drives</source>
        <translation>Die Liste der Laufwerke</translation>
    </message>
    <message>
        <source>The path of a serial port</source>
        <translation>Der Pfad einer seriellen Schnittstelle</translation>
    </message>
    <message>
        <source>The number of a serial port</source>
        <translation>Die Nummer einer seriellen Schnittstelle</translation>
    </message>
    <message>
        <source>The boot order</source>
        <translation>Die Bootreihenfolge</translation>
    </message>
    <message>
        <source>The kernel</source>
        <translation>Der Kernel</translation>
    </message>
    <message>
        <source>The initial RAM disk</source>
        <translation>Die anfängliche RAM-Disk</translation>
    </message>
    <message>
        <source>The kernel&apos;s command line</source>
        <translation>Die Befehlszeile des Kernels</translation>
    </message>
    <message>
        <source>The list of modules</source>
        <translation>Die Liste der Module</translation>
    </message>
    <message>
        <source>The address of the remote screen</source>
        <translation>Die Adresse des Fernbildschirms</translation>
    </message>
    <message>
        <source>The port of the remote screen</source>
        <translation>Der Port des Fernbildschirms</translation>
    </message>
    <message>
        <source>The password of the remote screen</source>
        <translation>Das Passwort des Fernbildschirms</translation>
    </message>
    <message>
        <source>The base memory must be between %1 and %2 MB.</source>
        <translation>Der Hauptspeicher muss zwischen %1 und %2 MB groß sein.</translation>
    </message>
    <message>
        <source>There must be between 1 and %1 processors.</source>
        <translation>Es müssen zwischen 1 und %1 Prozessoren sein.</translation>
    </message>
    <message>
        <source>The video memory must be a power of two between 1 and 256 MB.</source>
        <translation>Der Grafikspeicher muss eine Zweierpotenz zwischen 1 und 256 MB sein.</translation>
    </message>
    <message>
        <source>%1 is outside the allowed range.</source>
        <translation>%1 liegt außerhalb des erlaubten Bereichs.</translation>
    </message>
    <message>
        <source>%1 must not be empty.</source>
        <translation>%1 darf nicht leer sein.</translation>
    </message>
    <message>
        <source>%1 is too long.</source>
        <translation>%1 ist zu lang.</translation>
    </message>
    <message>
        <source>The name may not contain “/”, line breaks or signs that cannot be shown, or start or end with a space.</source>
        <translation>Der Name darf weder „/“, Zeilenumbrüche noch nicht darstellbare Zeichen enthalten und nicht mit einem Leerzeichen beginnen oder enden.</translation>
    </message>
    <message>
        <source>%1 contains a character that is not allowed.</source>
        <translation>%1 enthält ein Zeichen, das nicht erlaubt ist.</translation>
    </message>
    <message>
        <source>%1 is used twice.</source>
        <translation>%1 ist doppelt vergeben.</translation>
    </message>
    <message>
        <source>%1 was not found.</source>
        <translation>%1 wurde nicht gefunden.</translation>
    </message>
    <message>
        <source>%1 is not supported.</source>
        <translation>%1 wird nicht unterstützt.</translation>
    </message>
    <message>
        <source>SATA</source>
        <translation>SATA</translation>
    </message>
    <message>
        <source>NVMe</source>
        <translation>NVMe</translation>
    </message>
    <message>
        <source>Virtio</source>
        <translation>Virtio</translation>
    </message>
    <message>
        <source>Raw</source>
        <comment>a disk image without format</comment>
        <translation>Roh</translation>
    </message>
    <message>
        <source>QCOW2</source>
        <translation>QCOW2</translation>
    </message>
    <message>
        <source>SATA Port %1</source>
        <translation>SATA-Port %1</translation>
    </message>
    <message>
        <source>NVMe Slot %1</source>
        <translation>NVMe-Steckplatz %1</translation>
    </message>
    <message>
        <source>Virtio Slot %1</source>
        <translation>Virtio-Steckplatz %1</translation>
    </message>
    <message>
        <source>The controller of a drive</source>
        <translation>Der Controller eines Laufwerks</translation>
    </message>
    <message>
        <source>The description</source>
        <translation>Die Beschreibung</translation>
    </message>
    <message>
        <source>Save the machine state</source>
        <translation>Den Zustand der Maschine sichern</translation>
    </message>
    <message>
        <source>Snapshot taken</source>
        <translation>Sicherungspunkt erstellt</translation>
    </message>
    <message>
        <source>Snapshot restored</source>
        <translation>Sicherungspunkt wiederhergestellt</translation>
    </message>
    <message>
        <source>Snapshot deleted</source>
        <translation>Sicherungspunkt gelöscht</translation>
    </message>
    <message>
        <source>Paravirtualised network (virtio-net)</source>
        <translation>Paravirtualisiertes Netzwerk (virtio-net)</translation>
    </message>
    <message>
        <source>The MAC address of a network adapter</source>
        <translation>Die MAC-Adresse eines Netzwerkadapters</translation>
    </message>
    <message>
        <source>The slot of a network adapter</source>
        <translation>Der Steckplatz eines Netzwerkadapters</translation>
    </message>
    <message>
        <source>The MAC address of a network adapter must be one card&apos;s: twelve hexadecimal digits, of which the second is even.</source>
        <translation>Die MAC-Adresse eines Netzwerkadapters muss die eines einzelnen Geräts sein: zwölf hexadezimale Ziffern, von denen die zweite gerade ist.</translation>
    </message>
</context>
<context>
    <name>MediaFiles</name>
    <message>
        <source>Optical disk images (*.iso *.ISO *.img *.cdr);;All files (*)</source>
        <translation>Optische Abbilder (*.iso *.ISO *.img *.cdr);;Alle Dateien (*)</translation>
    </message>
    <message>
        <source>Hard disk images (*.qcow2 *.img *.raw *.dd);;All files (*)</source>
        <translation>Festplattenabbilder (*.qcow2 *.img *.raw *.dd);;Alle Dateien (*)</translation>
    </message>
</context>
<context>
    <name>SnapshotText</name>
    <message>
        <source>Automatic %1</source>
        <comment>a snapshot&apos;s name: date and time</comment>
        <translation>Automatisch %1</translation>
    </message>
    <message>
        <source>just now</source>
        <translation>gerade eben</translation>
    </message>
    <message numerus="yes">
        <source>%n minute(s) ago</source>
        <translation>
            <numerusform>vor %n Minute</numerusform>
            <numerusform>vor %n Minuten</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n hour(s) ago</source>
        <translation>
            <numerusform>vor %n Stunde</numerusform>
            <numerusform>vor %n Stunden</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n day(s) ago</source>
        <translation>
            <numerusform>vor %n Tag</numerusform>
            <numerusform>vor %n Tagen</numerusform>
        </translation>
    </message>
    <message>
        <source>%1, %2</source>
        <comment>date, time</comment>
        <translation>%1, %2</translation>
    </message>
    <message numerus="yes">
        <source>%1 of memory, %n processor(s)</source>
        <translation>
            <numerusform>%1 Hauptspeicher, %n Prozessor</numerusform>
            <numerusform>%1 Hauptspeicher, %n Prozessoren</numerusform>
        </translation>
    </message>
    <message>
        <source>%1 of video memory</source>
        <translation>%1 Grafikspeicher</translation>
    </message>
    <message>
        <source>empty</source>
        <translation>leer</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <comment>place of a drive: its file</comment>
        <translation>%1: %2</translation>
    </message>
    <message>
        <source>Network adapter %1: %2</source>
        <comment>number, MAC address</comment>
        <translation>Netzwerkadapter %1: %2</translation>
    </message>
</context>
<context>
    <name>vivarium::Application</name>
    <message>
        <source>Use Another &amp;Folder…</source>
        <translation>&amp;Anderen Ordner verwenden …</translation>
    </message>
    <message>
        <source>&amp;Move It Away and Begin Empty</source>
        <translation>&amp;Beiseitelegen und leer beginnen</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>&amp;Beenden</translation>
    </message>
    <message>
        <source>Library Folder</source>
        <translation>Ordner der Bibliothek</translation>
    </message>
</context>
<context>
    <name>vivarium::CloneDialog</name>
    <message>
        <source>%1 Clone</source>
        <translation>%1 Klon</translation>
    </message>
    <message>
        <source>Current state</source>
        <translation>Aktueller Zustand</translation>
    </message>
    <message>
        <source>There is already a machine with this name.</source>
        <translation>Es gibt schon eine Maschine mit diesem Namen.</translation>
    </message>
    <message>
        <source>The machine runs: for a full or linked clone take a snapshot and choose it above, or power the machine off.</source>
        <translation>Die Maschine läuft: Erstellen Sie für einen vollständigen oder verknüpften Klon einen Sicherungspunkt und wählen Sie ihn oben, oder schalten Sie die Maschine aus.</translation>
    </message>
    <message>
        <source>Clone Virtual Machine</source>
        <translation>Virtuelle Maschine klonen</translation>
    </message>
    <message>
        <source>&amp;Name:</source>
        <translation>&amp;Name:</translation>
    </message>
    <message>
        <source>&amp;From:</source>
        <translation>A&amp;us:</translation>
    </message>
    <message>
        <source>Kind of copy:</source>
        <translation>Art der Kopie:</translation>
    </message>
    <message>
        <source>F&amp;ull clone</source>
        <translation>&amp;Vollständiger Klon</translation>
    </message>
    <message>
        <source>Has disks of its own. Needs as much room as they take and does not depend on the original.</source>
        <translation>Hat eigene Festplatten. Braucht so viel Platz wie diese und ist vom Original unabhängig.</translation>
    </message>
    <message>
        <source>&amp;Linked clone</source>
        <translation>V&amp;erknüpfter Klon</translation>
    </message>
    <message>
        <source>Made at once: only what differs from the original is stored. The original cannot be removed while there are linked clones.</source>
        <translation>Sofort fertig: Nur was sich vom Original unterscheidet, wird gespeichert. Das Original kann nicht entfernt werden, solange es verknüpfte Klone gibt.</translation>
    </message>
    <message>
        <source>For&amp;k</source>
        <translation>&amp;Laufende Kopien (Fork)</translation>
    </message>
    <message>
        <source>Number of c&amp;opies:</source>
        <translation>Anz&amp;ahl der Kopien:</translation>
    </message>
    <message>
        <source>&amp;Clone</source>
        <translation>&amp;Klonen</translation>
    </message>
    <message>
        <source>The machine has no network adapter.</source>
        <translation>Die Maschine hat keinen Netzwerkadapter.</translation>
    </message>
    <message>
        <source>MAC &amp;address policy:</source>
        <translation>&amp;MAC-Adressen:</translation>
    </message>
    <message>
        <source>New addresses for all network adapters</source>
        <translation>Neue Adressen für alle Netzwerkadapter</translation>
    </message>
    <message>
        <source>The original&apos;s addresses</source>
        <translation>Die Adressen des Originals</translation>
    </message>
    <message>
        <source>Running copies of a running machine that go on from this very moment, each with a disk layer and MAC addresses of its own, called “%1 (fork 1)” and so on.</source>
        <translation>Laufende Kopien einer laufenden Maschine, die genau von diesem Augenblick an weiterlaufen, jede mit eigener Festplattenschicht und eigenen MAC-Adressen, genannt „%1 (fork 1)“ und so weiter.</translation>
    </message>
</context>
<context>
    <name>vivarium::CloseDialog</name>
    <message>
        <source>Close Virtual Machine</source>
        <translation>Virtuelle Maschine schließen</translation>
    </message>
    <message>
        <source>What should happen to “%1”?</source>
        <translation>Was soll mit „%1“ geschehen?</translation>
    </message>
    <message>
        <source>&amp;Keep running in the background</source>
        <translation>Im &amp;Hintergrund weiterlaufen lassen</translation>
    </message>
    <message>
        <source>The guest goes on; “Show” in the main window opens it again</source>
        <translation>Der Gast läuft weiter; „Anzeigen“ im Hauptfenster öffnet ihn wieder</translation>
    </message>
    <message>
        <source>&amp;Send the shutdown signal</source>
        <translation>&amp;Signal zum Herunterfahren senden</translation>
    </message>
    <message>
        <source>As if the power button was pressed: the guest shuts down by itself</source>
        <translation>Als ob der Einschaltknopf gedrückt würde: Der Gast fährt selbst herunter</translation>
    </message>
    <message>
        <source>&amp;Power off the machine</source>
        <translation>Die Maschine &amp;ausschalten</translation>
    </message>
    <message>
        <source>Cuts the power: what the guest has not saved is lost</source>
        <translation>Trennt den Strom: Was der Gast nicht gespeichert hat, ist verloren</translation>
    </message>
    <message>
        <source>Do this always for this machine</source>
        <translation>Bei dieser Maschine immer so verfahren</translation>
    </message>
    <message>
        <source>Can be changed in the settings, section User Interface</source>
        <translation>Kann in den Einstellungen im Abschnitt Benutzeroberfläche geändert werden</translation>
    </message>
    <message>
        <source>Sa&amp;ve the machine state</source>
        <translation>&amp;Zustand der Maschine speichern</translation>
    </message>
    <message>
        <source>The machine stops; when it is started again it goes on exactly where it was</source>
        <translation>Die Maschine hält an; beim nächsten Start läuft sie genau dort weiter, wo sie war</translation>
    </message>
</context>
<context>
    <name>vivarium::ConsoleBanner</name>
    <message>
        <source>Details</source>
        <translation>Details</translation>
    </message>
</context>
<context>
    <name>vivarium::ConsoleFrame</name>
    <message>
        <source>Some characters were not typed.</source>
        <translation>Einige Zeichen wurden nicht getippt.</translation>
    </message>
    <message>
        <source>A US keyboard does not have them: %1</source>
        <translation>Eine US-Tastatur hat sie nicht: %1</translation>
    </message>
    <message>
        <source>Host+%1</source>
        <translation>Host+%1</translation>
    </message>
    <message>
        <source>The mouse belongs to the guest now. Press %1 to get it back.</source>
        <translation>Die Maus gehört jetzt dem Gast. Mit %1 bekommen Sie sie zurück.</translation>
    </message>
    <message>
        <source>Save Screenshot</source>
        <translation>Bildschirmfoto speichern</translation>
    </message>
    <message>
        <source>Pictures (*.png)</source>
        <translation>Bilder (*.png)</translation>
    </message>
    <message numerus="yes">
        <source>Typing %n character(s) from the clipboard</source>
        <translation>
            <numerusform>%n Zeichen aus der Zwischenablage wird getippt</numerusform>
            <numerusform>%n Zeichen aus der Zwischenablage werden getippt</numerusform>
        </translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>&amp;Anzeige</translation>
    </message>
    <message>
        <source>&amp;Full-screen Mode</source>
        <translation>&amp;Vollbild</translation>
    </message>
    <message>
        <source>&amp;Adjust Window Size</source>
        <translation>&amp;Fenstergröße anpassen</translation>
    </message>
    <message>
        <source>&amp;Minimize Window</source>
        <translation>Fenster &amp;minimieren</translation>
    </message>
    <message>
        <source>&amp;Scaling</source>
        <translation>&amp;Skalierung</translation>
    </message>
    <message>
        <source>&amp;Switch Scaling</source>
        <translation>Skalierung &amp;umschalten</translation>
    </message>
    <message>
        <source>Status &amp;Bar</source>
        <translation>Status&amp;leiste</translation>
    </message>
    <message>
        <source>&amp;Take Screenshot…</source>
        <translation>&amp;Bildschirmfoto aufnehmen …</translation>
    </message>
    <message>
        <source>&amp;Copy Screenshot</source>
        <translation>Bildschirmfoto &amp;kopieren</translation>
    </message>
    <message>
        <source>&amp;Input</source>
        <translation>&amp;Eingabe</translation>
    </message>
    <message>
        <source>&amp;Keyboard</source>
        <translation>&amp;Tastatur</translation>
    </message>
    <message>
        <source>Insert %1</source>
        <translation>%1 senden</translation>
    </message>
    <message>
        <source>Insert %1 (Host Key)</source>
        <translation>%1 senden (Host-Taste)</translation>
    </message>
    <message>
        <source>&amp;Preferences…</source>
        <translation>&amp;Einstellungen …</translation>
    </message>
    <message>
        <source>&amp;Mouse Integration</source>
        <translation>&amp;Mauszeigerintegration</translation>
    </message>
    <message>
        <source>&amp;Type Text from Clipboard</source>
        <translation>Text aus der &amp;Zwischenablage tippen</translation>
    </message>
    <message>
        <source>There is no text in the clipboard.</source>
        <translation>In der Zwischenablage ist kein Text.</translation>
    </message>
</context>
<context>
    <name>vivarium::ConsoleStatusBar</name>
    <message>
        <source>Read %1, written %2</source>
        <translation>%1 gelesen, %2 geschrieben</translation>
    </message>
    <message>
        <source>Acceleration: %1</source>
        <translation>Beschleunigung: %1</translation>
    </message>
    <message>
        <source>The mouse belongs to this computer; a click into the screen gives it to the guest</source>
        <translation>Die Maus gehört diesem Rechner; ein Klick in den Bildschirm gibt sie dem Gast</translation>
    </message>
    <message>
        <source>The mouse belongs to the guest</source>
        <translation>Die Maus gehört dem Gast</translation>
    </message>
    <message>
        <source>The guest follows the mouse of this computer</source>
        <translation>Der Gast folgt der Maus dieses Rechners</translation>
    </message>
    <message>
        <source>All keys go to the guest</source>
        <translation>Alle Tasten gehen an den Gast</translation>
    </message>
    <message>
        <source>The desktop&apos;s own shortcuts work</source>
        <translation>Die Tastenkürzel der Arbeitsumgebung wirken</translation>
    </message>
    <message>
        <source>The host key: releases mouse and keyboard; with another key it is a command, for example %1+F for full screen</source>
        <translation>Die Host-Taste: gibt Maus und Tastatur frei; mit einer anderen Taste ist sie ein Befehl, zum Beispiel %1+F für Vollbild</translation>
    </message>
    <message>
        <source>Num</source>
        <translation>Num</translation>
    </message>
    <message>
        <source>Num Lock of the guest</source>
        <translation>Num-Taste des Gastes</translation>
    </message>
    <message>
        <source>Caps</source>
        <translation>Feststell</translation>
    </message>
    <message>
        <source>Caps Lock of the guest</source>
        <translation>Feststelltaste des Gastes</translation>
    </message>
    <message>
        <source>Scroll</source>
        <translation>Rollen</translation>
    </message>
    <message>
        <source>Scroll Lock of the guest</source>
        <translation>Rollen-Taste des Gastes</translation>
    </message>
    <message>
        <source>%1: empty</source>
        <translation>%1: leer</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1: %2</translation>
    </message>
</context>
<context>
    <name>vivarium::CreateDiskDialog</name>
    <message>
        <source>Create a Hard Disk</source>
        <translation>Festplatte erzeugen</translation>
    </message>
    <message>
        <source>Choose the File of the New Disk</source>
        <translation>Datei der neuen Festplatte wählen</translation>
    </message>
    <message>
        <source>&amp;Pre-allocate full size</source>
        <translation>Volle Größe &amp;vorab belegen</translation>
    </message>
    <message>
        <source>Takes all the space now. Otherwise the file grows as the guest writes.</source>
        <translation>Belegt jetzt den ganzen Platz. Sonst wächst die Datei, während der Gast schreibt.</translation>
    </message>
    <message>
        <source>&amp;Create</source>
        <translation>&amp;Erzeugen</translation>
    </message>
    <message>
        <source>&amp;File:</source>
        <translation>&amp;Datei:</translation>
    </message>
    <message>
        <source>&amp;Size:</source>
        <translation>&amp;Größe:</translation>
    </message>
</context>
<context>
    <name>vivarium::DetailsView</name>
    <message>
        <source>Name:</source>
        <translation>Name:</translation>
    </message>
    <message>
        <source>Operating System:</source>
        <translation>Betriebssystem:</translation>
    </message>
    <message>
        <source>State:</source>
        <translation>Zustand:</translation>
    </message>
    <message>
        <source>Group:</source>
        <translation>Gruppe:</translation>
    </message>
    <message>
        <source>Tags:</source>
        <translation>Schlagwörter:</translation>
    </message>
    <message>
        <source>Settings Folder:</source>
        <translation>Ordner:</translation>
    </message>
    <message>
        <source>Base Memory:</source>
        <translation>Hauptspeicher:</translation>
    </message>
    <message>
        <source>Processors:</source>
        <translation>Prozessoren:</translation>
    </message>
    <message>
        <source>Boot Order:</source>
        <translation>Bootreihenfolge:</translation>
    </message>
    <message>
        <source>Firmware:</source>
        <translation>Firmware:</translation>
    </message>
    <message>
        <source>Kernel:</source>
        <translation>Kernel:</translation>
    </message>
    <message>
        <source>Command Line:</source>
        <translation>Befehlszeile:</translation>
    </message>
    <message>
        <source>Acceleration:</source>
        <translation>Beschleunigung:</translation>
    </message>
    <message>
        <source>Disabled</source>
        <translation>Deaktiviert</translation>
    </message>
    <message>
        <source>Enabled, when the machine runs</source>
        <translation>Aktiviert, wenn die Maschine läuft</translation>
    </message>
    <message>
        <source>Video Memory:</source>
        <translation>Grafikspeicher:</translation>
    </message>
    <message>
        <source>Scaling:</source>
        <translation>Skalierung:</translation>
    </message>
    <message>
        <source>Remote Display (VNC):</source>
        <translation>Fernbildschirm (VNC):</translation>
    </message>
    <message>
        <source>[Optical Drive] Empty</source>
        <translation>[Optisches Laufwerk] leer</translation>
    </message>
    <message>
        <source>[Optical Drive] %1</source>
        <translation>[Optisches Laufwerk] %1</translation>
    </message>
    <message>
        <source>%1 (read-only)</source>
        <translation>%1 (schreibgeschützt)</translation>
    </message>
    <message>
        <source>No drives</source>
        <translation>Keine Laufwerke</translation>
    </message>
    <message>
        <source>Port %1 (COM%1):</source>
        <translation>Port %1 (COM%1):</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <translation>%1, %2</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Keine</translation>
    </message>
    <message>
        <source>Opens these settings</source>
        <translation>Öffnet diese Einstellungen</translation>
    </message>
    <message>
        <source>General</source>
        <translation>Allgemein</translation>
    </message>
    <message>
        <source>System</source>
        <translation>System</translation>
    </message>
    <message>
        <source>Display</source>
        <translation>Anzeige</translation>
    </message>
    <message>
        <source>Storage</source>
        <translation>Massenspeicher</translation>
    </message>
    <message>
        <source>Serial Ports</source>
        <translation>Serielle Schnittstellen</translation>
    </message>
    <message>
        <source>Notes</source>
        <translation>Notizen</translation>
    </message>
    <message>
        <source>The machine&apos;s screen; a double click shows it</source>
        <translation>Der Bildschirm der Maschine; ein Doppelklick zeigt ihn</translation>
    </message>
    <message>
        <source>%1:</source>
        <translation>%1:</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <comment>place of a drive: its file</comment>
        <translation>%1: %2</translation>
    </message>
    <message>
        <source>Template</source>
        <translation>Vorlage</translation>
    </message>
    <message>
        <source>Adapter %1:</source>
        <translation>Adapter %1:</translation>
    </message>
    <message>
        <source>%1, not attached, %2</source>
        <translation>%1, nicht angeschlossen, %2</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>Netzwerk</translation>
    </message>
</context>
<context>
    <name>vivarium::DiskListModel</name>
    <message>
        <source>Missing</source>
        <translation>Fehlt</translation>
    </message>
    <message>
        <source>Disc</source>
        <translation>CD/DVD</translation>
    </message>
    <message>
        <source>Unreadable</source>
        <translation>Nicht lesbar</translation>
    </message>
    <message>
        <source>Not attached</source>
        <translation>Nicht angeschlossen</translation>
    </message>
    <message>
        <source>The file is not there any more.</source>
        <translation>Die Datei ist nicht mehr da.</translation>
    </message>
    <message>
        <source>Based on %1</source>
        <translation>Beruht auf %1</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>Name</translation>
    </message>
    <message>
        <source>Virtual Size</source>
        <translation>Virtuelle Größe</translation>
    </message>
    <message>
        <source>Size on Disk</source>
        <translation>Belegter Platz</translation>
    </message>
    <message>
        <source>Format</source>
        <translation>Format</translation>
    </message>
    <message>
        <source>Used by</source>
        <translation>Benutzt von</translation>
    </message>
</context>
<context>
    <name>vivarium::DiskManagerWindow</name>
    <message>
        <source>Virtual Disk Manager</source>
        <translation>Manager für virtuelle Medien</translation>
    </message>
    <message>
        <source>Create…</source>
        <translation>Erzeugen …</translation>
    </message>
    <message>
        <source>Makes a new hard disk image</source>
        <translation>Legt ein neues Festplattenabbild an</translation>
    </message>
    <message>
        <source>Copy…</source>
        <translation>Kopieren …</translation>
    </message>
    <message>
        <source>Copies the disk to a new image, of any format</source>
        <translation>Kopiert die Festplatte in ein neues Abbild, auch in einem anderen Format</translation>
    </message>
    <message>
        <source>Resize…</source>
        <translation>Vergrößern …</translation>
    </message>
    <message>
        <source>Makes the disk larger</source>
        <translation>Macht die Festplatte größer</translation>
    </message>
    <message>
        <source>Compact</source>
        <translation>Verkleinern</translation>
    </message>
    <message>
        <source>Gives space that the disk does not need back to the host</source>
        <translation>Gibt Platz, den die Festplatte nicht braucht, an den Host zurück</translation>
    </message>
    <message>
        <source>Check</source>
        <translation>Prüfen</translation>
    </message>
    <message>
        <source>Looks for errors in the image</source>
        <translation>Sucht nach Fehlern im Abbild</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <source>Deletes the image file</source>
        <translation>Löscht die Datei des Abbilds</translation>
    </message>
    <message>
        <source>Refresh</source>
        <translation>Aktualisieren</translation>
    </message>
    <message>
        <source>Looks at all files again</source>
        <translation>Sieht alle Dateien noch einmal an</translation>
    </message>
    <message>
        <source>There are no disks yet.
A machine&apos;s disks appear here, and so do images in the folder %1.</source>
        <translation>Es gibt noch keine Festplatten.
Hier erscheinen die Festplatten der Maschinen und die Abbilder im Ordner %1.</translation>
    </message>
    <message>
        <source>Disks</source>
        <translation>Festplatten</translation>
    </message>
    <message>
        <source>Progress</source>
        <translation>Fortschritt</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Disk</source>
        <translation>Festplatte</translation>
    </message>
    <message>
        <source>Creating %1…</source>
        <translation>%1 wird erzeugt …</translation>
    </message>
    <message>
        <source>%1 Copy</source>
        <translation>%1 Kopie</translation>
    </message>
    <message>
        <source>Copying %1…</source>
        <translation>%1 wird kopiert …</translation>
    </message>
    <message>
        <source>The disk was copied to “%1”.</source>
        <translation>Die Festplatte wurde nach „%1“ kopiert.</translation>
    </message>
    <message>
        <source>Resizing %1…</source>
        <translation>%1 wird vergrößert …</translation>
    </message>
    <message>
        <source>The disk has %1 now. Its partitions are the guest&apos;s to enlarge.</source>
        <translation>Die Festplatte hat jetzt %1. Ihre Partitionen vergrößert der Gast.</translation>
    </message>
    <message>
        <source>Compacting %1…</source>
        <translation>%1 wird verkleinert …</translation>
    </message>
    <message>
        <source>The image took %1 and takes %2 now.</source>
        <translation>Das Abbild belegte %1 und belegt jetzt %2.</translation>
    </message>
    <message>
        <source>Checking %1…</source>
        <translation>%1 wird geprüft …</translation>
    </message>
    <message>
        <source>“%1” is damaged: %2 errors were found. Make a copy of it, then repair it with “viv disk check --repair all”.</source>
        <translation>„%1“ ist beschädigt: Es wurden %2 Fehler gefunden. Machen Sie eine Kopie und reparieren Sie dann mit „viv disk check --repair all“.</translation>
    </message>
    <message>
        <source>“%1” is sound, but wastes some space; compacting gives it back.</source>
        <translation>„%1“ ist in Ordnung, verschwendet aber etwas Platz; Verkleinern gibt ihn zurück.</translation>
    </message>
    <message>
        <source>“%1” has no errors.</source>
        <translation>„%1“ hat keine Fehler.</translation>
    </message>
    <message>
        <source>Copy “%1”</source>
        <translation>„%1“ kopieren</translation>
    </message>
    <message>
        <source>Resize “%1”</source>
        <translation>„%1“ vergrößern</translation>
    </message>
</context>
<context>
    <name>vivarium::DiskPage</name>
    <message>
        <source>Virtual Hard Disk</source>
        <translation>Virtuelle Festplatte</translation>
    </message>
    <message>
        <source>What the guest is installed on. A live system needs none.</source>
        <translation>Worauf der Gast installiert wird. Ein Live-System braucht keine.</translation>
    </message>
    <message>
        <source>&amp;Create a virtual hard disk now</source>
        <translation>Jetzt eine virtuelle Festplatte &amp;erzeugen</translation>
    </message>
    <message>
        <source>&amp;Use an existing virtual hard disk file</source>
        <translation>E&amp;ine vorhandene virtuelle Festplatte verwenden</translation>
    </message>
    <message>
        <source>&amp;Do not add a virtual hard disk</source>
        <translation>&amp;Keine virtuelle Festplatte hinzufügen</translation>
    </message>
    <message>
        <source>&amp;Pre-allocate full size</source>
        <translation>Volle Größe &amp;vorab belegen</translation>
    </message>
    <message>
        <source>Takes all the space now. Otherwise the file grows as the guest writes.</source>
        <translation>Belegt jetzt den ganzen Platz. Sonst wächst die Datei, während der Gast schreibt.</translation>
    </message>
    <message>
        <source>Choose a Hard Disk</source>
        <translation>Festplatte wählen</translation>
    </message>
    <message>
        <source>Disk &amp;Size:</source>
        <translation>&amp;Größe:</translation>
    </message>
</context>
<context>
    <name>vivarium::DiskRemovals</name>
    <message>
        <source>The disk “%1” was removed.</source>
        <translation>Die Festplatte „%1“ wurde entfernt.</translation>
    </message>
    <message>
        <source>The file is deleted, and its space is free, when this message goes.</source>
        <translation>Die Datei wird gelöscht und ihr Platz wird frei, wenn diese Meldung verschwindet.</translation>
    </message>
</context>
<context>
    <name>vivarium::DisplayPage</name>
    <message>
        <source>&amp;Enable the remote display (VNC)</source>
        <translation>Fern&amp;bildschirm (VNC) aktivieren</translation>
    </message>
    <message>
        <source>&amp;Video Memory:</source>
        <translation>&amp;Grafikspeicher:</translation>
    </message>
    <message>
        <source>&amp;Scaling:</source>
        <translation>&amp;Skalierung:</translation>
    </message>
    <message>
        <source>Screen</source>
        <translation>Bildschirm</translation>
    </message>
    <message>
        <source>First free from 5900</source>
        <translation>Der erste freie ab 5900</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Keine</translation>
    </message>
    <message>
        <source>&amp;Address:</source>
        <translation>&amp;Adresse:</translation>
    </message>
    <message>
        <source>&amp;Port:</source>
        <translation>&amp;Port:</translation>
    </message>
    <message>
        <source>Pass&amp;word:</source>
        <translation>Pass&amp;wort:</translation>
    </message>
    <message>
        <source>127.0.0.1 is reachable from this computer only. Other computers can connect to 0.0.0.0: set a password then. “unix:/path” is a Unix socket.</source>
        <translation>127.0.0.1 ist nur von diesem Rechner aus erreichbar. Mit 0.0.0.0 können sich andere Rechner verbinden: Vergeben Sie dann ein Passwort. „unix:/pfad“ ist ein Unix-Socket.</translation>
    </message>
    <message>
        <source>Remote Display</source>
        <translation>Fernbildschirm</translation>
    </message>
</context>
<context>
    <name>vivarium::GeneralPage</name>
    <message>
        <source>&amp;Name:</source>
        <translation>&amp;Name:</translation>
    </message>
    <message>
        <source>&amp;Operating System:</source>
        <translation>&amp;Betriebssystem:</translation>
    </message>
    <message>
        <source>&amp;Group:</source>
        <translation>&amp;Gruppe:</translation>
    </message>
    <message>
        <source>None; “Work/Servers” is a group in a group</source>
        <translation>Keine; „Arbeit/Server“ ist eine Gruppe in einer Gruppe</translation>
    </message>
    <message>
        <source>&amp;Tags:</source>
        <translation>&amp;Schlagwörter:</translation>
    </message>
    <message>
        <source>Words separated by commas</source>
        <translation>Durch Kommas getrennte Wörter</translation>
    </message>
    <message>
        <source>Folder:</source>
        <translation>Ordner:</translation>
    </message>
    <message>
        <source>Basic</source>
        <translation>Basis</translation>
    </message>
    <message>
        <source>Notes</source>
        <translation>Notizen</translation>
    </message>
</context>
<context>
    <name>vivarium::HardwarePage</name>
    <message>
        <source>Hardware</source>
        <translation>Hardware</translation>
    </message>
    <message>
        <source>How much of this computer the machine may use while it runs. Both can be changed later.</source>
        <translation>Wie viel von diesem Rechner die Maschine benutzen darf, während sie läuft. Beides lässt sich später ändern.</translation>
    </message>
    <message>
        <source> MB</source>
        <translation> MB</translation>
    </message>
    <message>
        <source>Base &amp;Memory:</source>
        <translation>&amp;Hauptspeicher:</translation>
    </message>
    <message>
        <source>&amp;Processors:</source>
        <translation>&amp;Prozessoren:</translation>
    </message>
    <message>
        <source>This computer has only %1 of memory.</source>
        <translation>Dieser Rechner hat nur %1 Speicher.</translation>
    </message>
    <message>
        <source>That leaves little memory for this computer, which may become slow.</source>
        <translation>Das lässt diesem Rechner wenig Speicher; er kann langsam werden.</translation>
    </message>
    <message numerus="yes">
        <source>This computer has %n processor(s); more make the machine slower.</source>
        <translation>
            <numerusform>Dieser Rechner hat %n Prozessor; mehr machen die Maschine langsamer.</numerusform>
            <numerusform>Dieser Rechner hat %n Prozessoren; mehr machen die Maschine langsamer.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>vivarium::HostKeyField</name>
    <message>
        <source>Click here and press the key</source>
        <translation>Klicken Sie hier und drücken Sie die Taste</translation>
    </message>
</context>
<context>
    <name>vivarium::ImageDialog</name>
    <message>
        <source>Choose the File of the New Disk</source>
        <translation>Datei der neuen Festplatte wählen</translation>
    </message>
    <message>
        <source>QCOW2 (grows, snapshots)</source>
        <translation>QCOW2 (wächst, Sicherungspunkte)</translation>
    </message>
    <message>
        <source>Raw (plain, fastest)</source>
        <translation>Roh (einfach, am schnellsten)</translation>
    </message>
    <message>
        <source>Format</source>
        <translation>Format</translation>
    </message>
    <message>
        <source>&amp;Pre-allocate full size</source>
        <translation>Volle Größe &amp;vorab belegen</translation>
    </message>
    <message>
        <source>Create a Hard Disk</source>
        <translation>Festplatte erzeugen</translation>
    </message>
    <message>
        <source>&amp;Create</source>
        <translation>&amp;Erzeugen</translation>
    </message>
    <message>
        <source>&amp;Copy</source>
        <translation>&amp;Kopieren</translation>
    </message>
    <message>
        <source>&amp;Resize</source>
        <translation>&amp;Vergrößern</translation>
    </message>
    <message>
        <source>&amp;File:</source>
        <translation>&amp;Datei:</translation>
    </message>
    <message>
        <source>F&amp;ormat:</source>
        <translation>F&amp;ormat:</translation>
    </message>
    <message>
        <source>&amp;Size:</source>
        <translation>&amp;Größe:</translation>
    </message>
    <message>
        <source>Type a size such as “20 GB” or “512 MB”.</source>
        <translation>Geben Sie eine Größe wie „20 GB“ oder „512 MB“ ein.</translation>
    </message>
    <message>
        <source>A disk cannot be made smaller here, because its end would be lost. It has %1 now.</source>
        <translation>Eine Festplatte kann hier nicht kleiner gemacht werden, weil ihr Ende verloren ginge. Sie hat jetzt %1.</translation>
    </message>
</context>
<context>
    <name>vivarium::LogView</name>
    <message>
        <source>The machine has no log yet.</source>
        <translation>Die Maschine hat noch kein Protokoll.</translation>
    </message>
    <message>
        <source>Only the end of the log is shown.</source>
        <translation>Nur das Ende des Protokolls wird angezeigt.</translation>
    </message>
    <message>
        <source>Machine Log</source>
        <translation>Protokoll der Maschine</translation>
    </message>
    <message>
        <source>History</source>
        <translation>Verlauf</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>Zeit</translation>
    </message>
    <message>
        <source>Event</source>
        <translation>Ereignis</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>Details</translation>
    </message>
    <message>
        <source>Find in the log</source>
        <translation>Im Protokoll suchen</translation>
    </message>
    <message>
        <source>Not found</source>
        <translation>Nicht gefunden</translation>
    </message>
</context>
<context>
    <name>vivarium::MachineActions</name>
    <message>
        <source>S&amp;how</source>
        <translation>&amp;Anzeigen</translation>
    </message>
    <message>
        <source>Shows the screen of the selected machine</source>
        <translation>Zeigt den Bildschirm der ausgewählten Maschine</translation>
    </message>
    <message>
        <source>Starts the selected machine</source>
        <translation>Startet die ausgewählte Maschine</translation>
    </message>
    <message>
        <source>&amp;New…</source>
        <translation>&amp;Neu …</translation>
    </message>
    <message>
        <source>Creates a new virtual machine</source>
        <translation>Erzeugt eine neue virtuelle Maschine</translation>
    </message>
    <message>
        <source>New</source>
        <translation>Neu</translation>
    </message>
    <message>
        <source>Adds a machine from a disk, an image or exported settings</source>
        <translation>Fügt eine Maschine aus einer Festplatte, einem Abbild oder exportierten Einstellungen hinzu</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>Hinzufügen</translation>
    </message>
    <message>
        <source>&amp;Settings…</source>
        <translation>&amp;Ändern …</translation>
    </message>
    <message>
        <source>Shows the settings of the selected machine</source>
        <translation>Zeigt die Einstellungen der ausgewählten Maschine</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>Ändern</translation>
    </message>
    <message>
        <source>Gives the machine or the group another name</source>
        <translation>Gibt der Maschine oder der Gruppe einen anderen Namen</translation>
    </message>
    <message>
        <source>&amp;Remove…</source>
        <translation>&amp;Entfernen …</translation>
    </message>
    <message>
        <source>Removes the selected machines</source>
        <translation>Entfernt die ausgewählten Maschinen</translation>
    </message>
    <message>
        <source>Gro&amp;up…</source>
        <translation>&amp;Gruppieren …</translation>
    </message>
    <message>
        <source>Puts the selected machines into a group</source>
        <translation>Fasst die ausgewählten Maschinen in einer Gruppe zusammen</translation>
    </message>
    <message>
        <source>&amp;Normal Start</source>
        <translation>&amp;Normaler Start</translation>
    </message>
    <message>
        <source>Starts the machine and shows its screen</source>
        <translation>Startet die Maschine und zeigt ihren Bildschirm</translation>
    </message>
    <message>
        <source>&amp;Headless Start</source>
        <translation>Start &amp;ohne Fenster</translation>
    </message>
    <message>
        <source>Starts the machine in the background</source>
        <translation>Startet die Maschine im Hintergrund</translation>
    </message>
    <message>
        <source>&amp;Pause</source>
        <translation>&amp;Pause</translation>
    </message>
    <message>
        <source>Suspends the execution of the selected machine</source>
        <translation>Hält die ausgewählte Maschine an</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>Pause</translation>
    </message>
    <message>
        <source>Restarts the machine as its reset button would</source>
        <translation>Startet die Maschine neu, wie es ihr Rücksetzknopf täte</translation>
    </message>
    <message>
        <source>ACPI Sh&amp;utdown</source>
        <translation>Herunterfahren per A&amp;CPI</translation>
    </message>
    <message>
        <source>Sends the shutdown signal to the machine</source>
        <translation>Sendet der Maschine das Signal zum Herunterfahren</translation>
    </message>
    <message>
        <source>Po&amp;wer Off</source>
        <translation>Aus&amp;schalten</translation>
    </message>
    <message>
        <source>Cuts the power of the machine</source>
        <translation>Trennt die Maschine vom Strom</translation>
    </message>
    <message>
        <source>Show &amp;Log</source>
        <translation>Protoko&amp;ll anzeigen</translation>
    </message>
    <message>
        <source>Shows the log of the selected machine</source>
        <translation>Zeigt das Protokoll der ausgewählten Maschine</translation>
    </message>
    <message>
        <source>Show in &amp;File Manager</source>
        <translation>Im &amp;Dateimanager anzeigen</translation>
    </message>
    <message>
        <source>Opens the folder of the machine</source>
        <translation>Öffnet den Ordner der Maschine</translation>
    </message>
    <message>
        <source>Finds machines by name, tag or note</source>
        <translation>Findet Maschinen nach Name, Schlagwort oder Notiz</translation>
    </message>
    <message>
        <source>&amp;Preferences…</source>
        <translation>&amp;Einstellungen …</translation>
    </message>
    <message>
        <source>Shows the settings of the application</source>
        <translation>Zeigt die Einstellungen der Anwendung</translation>
    </message>
    <message>
        <source>&amp;Connect to Remote Screen…</source>
        <translation>Mit &amp;Fernbildschirm verbinden …</translation>
    </message>
    <message>
        <source>Shows a screen that VNC serves</source>
        <translation>Zeigt einen Bildschirm, den VNC anbietet</translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation>&amp;Beenden</translation>
    </message>
    <message>
        <source>Closes the application; running machines go on</source>
        <translation>Schließt die Anwendung; laufende Maschinen laufen weiter</translation>
    </message>
    <message>
        <source>&amp;About Vivarium</source>
        <translation>Ü&amp;ber Vivarium</translation>
    </message>
    <message>
        <source>Shows version and licence</source>
        <translation>Zeigt Version und Lizenz</translation>
    </message>
    <message>
        <source>Rese&amp;t</source>
        <translation>Zurückse&amp;tzen</translation>
    </message>
    <message>
        <source>Sear&amp;ch</source>
        <translation>Su&amp;chen</translation>
    </message>
    <message>
        <source>St&amp;art</source>
        <translation>St&amp;arten</translation>
    </message>
    <message>
        <source>A&amp;dd…</source>
        <translation>Hin&amp;zufügen …</translation>
    </message>
    <message>
        <source>&amp;Virtual Disk Manager…</source>
        <translation>Manager für &amp;virtuelle Medien …</translation>
    </message>
    <message>
        <source>Shows all disks and what uses them</source>
        <translation>Zeigt alle Festplatten und wer sie benutzt</translation>
    </message>
    <message>
        <source>Res&amp;ume</source>
        <translation>&amp;Fortsetzen</translation>
    </message>
    <message>
        <source>Lets the selected machine go on from its saved state</source>
        <translation>Lässt die ausgewählte Maschine von ihrem gespeicherten Zustand aus weiterlaufen</translation>
    </message>
    <message>
        <source>Rena&amp;me</source>
        <translation>&amp;Umbenennen</translation>
    </message>
    <message>
        <source>&amp;Save State</source>
        <translation>&amp;Zustand speichern</translation>
    </message>
    <message>
        <source>Stops the machine with its state on disk</source>
        <translation>Hält die Maschine an; ihr Zustand wird gespeichert</translation>
    </message>
    <message>
        <source>D&amp;iscard Saved State…</source>
        <translation>Gespeicherten Zustand &amp;verwerfen …</translation>
    </message>
    <message>
        <source>Forgets the saved state, as if the power had been cut</source>
        <translation>Vergisst den gespeicherten Zustand, als wäre der Strom ausgefallen</translation>
    </message>
    <message>
        <source>Clon&amp;e…</source>
        <translation>&amp;Klonen …</translation>
    </message>
    <message>
        <source>Makes a copy of the selected machine</source>
        <translation>Macht eine Kopie der ausgewählten Maschine</translation>
    </message>
    <message>
        <source>Snaps&amp;hots</source>
        <translation>&amp;Sicherungspunkte</translation>
    </message>
    <message>
        <source>Shows the snapshots of the selected machine</source>
        <translation>Zeigt die Sicherungspunkte der ausgewählten Maschine</translation>
    </message>
    <message>
        <source>Use as Template</source>
        <translation>Als Vorlage verwenden</translation>
    </message>
    <message>
        <source>Keeps the machine as it is: it cannot run, and linked clones are made of it</source>
        <translation>Hält die Maschine, wie sie ist: Sie läuft nicht, und aus ihr werden verknüpfte Klone gemacht</translation>
    </message>
</context>
<context>
    <name>vivarium::MachineConsole</name>
    <message>
        <source>The machine has no optical drive</source>
        <translation>Die Maschine hat kein optisches Laufwerk</translation>
    </message>
    <message>
        <source>SATA Port %1</source>
        <translation>SATA-Port %1</translation>
    </message>
    <message>
        <source>Choose a Disk File…</source>
        <translation>Abbilddatei wählen …</translation>
    </message>
    <message>
        <source>Remove Disk From Virtual Drive</source>
        <translation>Medium aus dem virtuellen Laufwerk entfernen</translation>
    </message>
    <message>
        <source>Choose an Optical Disk</source>
        <translation>Optisches Medium wählen</translation>
    </message>
    <message>
        <source>Force</source>
        <translation>Erzwingen</translation>
    </message>
    <message>
        <source>The guest shows no picture yet.</source>
        <translation>Der Gast zeigt noch kein Bild.</translation>
    </message>
    <message>
        <source>The machine is paused.</source>
        <translation>Die Maschine ist angehalten.</translation>
    </message>
    <message>
        <source>Reset</source>
        <translation>Zurücksetzen</translation>
    </message>
    <message>
        <source>Power Off</source>
        <translation>Ausschalten</translation>
    </message>
    <message>
        <source>Try Again</source>
        <translation>Erneut versuchen</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>Fortsetzen</translation>
    </message>
    <message>
        <source>Show Log</source>
        <translation>Protokoll anzeigen</translation>
    </message>
    <message>
        <source>Start Again</source>
        <translation>Erneut starten</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>%1 [%2] — press %3 to release the mouse — Vivarium</source>
        <translation>%1 [%2] — %3 gibt die Maus frei — Vivarium</translation>
    </message>
    <message>
        <source>%1 [%2] — Vivarium</source>
        <translation>%1 [%2] — Vivarium</translation>
    </message>
    <message>
        <source>&amp;Machine</source>
        <translation>&amp;Maschine</translation>
    </message>
    <message>
        <source>&amp;Settings…</source>
        <translation>&amp;Ändern …</translation>
    </message>
    <message>
        <source>Show &amp;Log…</source>
        <translation>Pr&amp;otokoll anzeigen …</translation>
    </message>
    <message>
        <source>&amp;Pause</source>
        <translation>&amp;Pause</translation>
    </message>
    <message>
        <source>&amp;Reset</source>
        <translation>&amp;Zurücksetzen</translation>
    </message>
    <message>
        <source>ACPI Sh&amp;utdown</source>
        <translation>Herunterfahren per A&amp;CPI</translation>
    </message>
    <message>
        <source>Po&amp;wer Off</source>
        <translation>Aus&amp;schalten</translation>
    </message>
    <message>
        <source>&amp;Close…</source>
        <translation>Sch&amp;ließen …</translation>
    </message>
    <message>
        <source>&amp;Devices</source>
        <translation>&amp;Geräte</translation>
    </message>
    <message>
        <source>&amp;Optical Drives</source>
        <translation>&amp;Optische Laufwerke</translation>
    </message>
    <message>
        <source>Reset the machine “%1”?</source>
        <translation>Die Maschine „%1“ zurücksetzen?</translation>
    </message>
    <message>
        <source>Power off the machine “%1”?</source>
        <translation>Die Maschine „%1“ ausschalten?</translation>
    </message>
    <message>
        <source>&amp;Power Off</source>
        <translation>&amp;Ausschalten</translation>
    </message>
    <message>
        <source>What the guest has not saved is lost.</source>
        <translation>Was der Gast nicht gespeichert hat, geht verloren.</translation>
    </message>
    <message>
        <source>&amp;Take Snapshot…</source>
        <translation>Sicherungspunkt &amp;erstellen …</translation>
    </message>
    <message>
        <source>Sa&amp;ve State</source>
        <translation>Z&amp;ustand speichern</translation>
    </message>
</context>
<context>
    <name>vivarium::MachineList</name>
    <message>
        <source>All Tags</source>
        <translation>Alle Schlagwörter</translation>
    </message>
    <message>
        <source>Search machines</source>
        <translation>Maschinen suchen</translation>
    </message>
    <message>
        <source>Finds machines by name, tag or note (Ctrl+F)</source>
        <translation>Findet Maschinen nach Name, Schlagwort oder Notiz (Strg+F)</translation>
    </message>
    <message>
        <source>Show machines with a tag</source>
        <translation>Maschinen mit einem Schlagwort anzeigen</translation>
    </message>
    <message>
        <source>Show only machines with this tag</source>
        <translation>Nur Maschinen mit diesem Schlagwort anzeigen</translation>
    </message>
    <message>
        <source>Machines</source>
        <translation>Maschinen</translation>
    </message>
    <message>
        <source>No machine matches.</source>
        <translation>Keine Maschine passt.</translation>
    </message>
</context>
<context>
    <name>vivarium::MachineOperations</name>
    <message>
        <source>Starting “%1”…</source>
        <translation>„%1“ wird gestartet …</translation>
    </message>
    <message>
        <source>Powering off “%1”…</source>
        <translation>„%1“ wird ausgeschaltet …</translation>
    </message>
    <message>
        <source>Removing “%1”…</source>
        <translation>„%1“ wird entfernt …</translation>
    </message>
    <message>
        <source>The machine “%1” was removed.</source>
        <translation>Die Maschine „%1“ wurde entfernt.</translation>
    </message>
    <message numerus="yes">
        <source>%n machine(s) were removed.</source>
        <translation>
            <numerusform>%n Maschine wurde entfernt.</numerusform>
            <numerusform>%n Maschinen wurden entfernt.</numerusform>
        </translation>
    </message>
    <message>
        <source>The files are deleted, and their space is free, when this message goes.</source>
        <translation>Die Dateien werden gelöscht und ihr Platz wird frei, wenn diese Meldung verschwindet.</translation>
    </message>
    <message>
        <source>The files stay where they are.</source>
        <translation>Die Dateien bleiben, wo sie sind.</translation>
    </message>
</context>
<context>
    <name>vivarium::MachinePrompts</name>
    <message>
        <source>Remove Virtual Machine</source>
        <translation>Virtuelle Maschine entfernen</translation>
    </message>
    <message numerus="yes">
        <source>Remove %n machine(s) from the list?</source>
        <translation>
            <numerusform>%n Maschine aus der Liste entfernen?</numerusform>
            <numerusform>%n Maschinen aus der Liste entfernen?</numerusform>
        </translation>
    </message>
    <message>
        <source>&amp;Delete all files</source>
        <translation>&amp;Alle Dateien löschen</translation>
    </message>
    <message>
        <source>&amp;Remove only</source>
        <translation>&amp;Nur entfernen</translation>
    </message>
    <message>
        <source>Reset Virtual Machine</source>
        <translation>Virtuelle Maschine zurücksetzen</translation>
    </message>
    <message>
        <source>Reset the selected machines?</source>
        <translation>Die ausgewählten Maschinen zurücksetzen?</translation>
    </message>
    <message>
        <source>What the guests have not saved is lost.</source>
        <translation>Was die Gäste nicht gespeichert haben, ist verloren.</translation>
    </message>
    <message>
        <source>&amp;Reset</source>
        <translation>&amp;Zurücksetzen</translation>
    </message>
    <message>
        <source>Power Off Virtual Machine</source>
        <translation>Virtuelle Maschine ausschalten</translation>
    </message>
    <message>
        <source>Power off the selected machines?</source>
        <translation>Die ausgewählten Maschinen ausschalten?</translation>
    </message>
    <message>
        <source>&amp;Power Off</source>
        <translation>&amp;Ausschalten</translation>
    </message>
    <message>
        <source>Group</source>
        <translation>Gruppe</translation>
    </message>
    <message>
        <source>Name of the group (empty: none; “Work/Servers” is a group in a group):</source>
        <translation>Name der Gruppe (leer: keine; „Arbeit/Server“ ist eine Gruppe in einer Gruppe):</translation>
    </message>
    <message>
        <source>New group</source>
        <translation>Neue Gruppe</translation>
    </message>
    <message>
        <source>“Delete all files” also deletes the virtual disks and snapshots in the machine&apos;s folder, except what another machine uses. You can take it back for some seconds; then the files are gone.</source>
        <translation>„Alle Dateien löschen“ löscht auch die virtuellen Platten und Sicherungspunkte im Ordner der Maschine, außer was eine andere Maschine benutzt. Einige Sekunden lang lässt es sich zurücknehmen; dann sind die Dateien weg.</translation>
    </message>
    <message>
        <source>Other machines need the files</source>
        <translation>Andere Maschinen brauchen die Dateien</translation>
    </message>
    <message>
        <source>The files of “%1” cannot be deleted: the disks of these machines stand on them.</source>
        <translation>Die Dateien von „%1“ können nicht gelöscht werden: Die Platten dieser Maschinen bauen darauf auf.</translation>
    </message>
    <message>
        <source>Remove those machines first, or give them disks of their own with a full clone.</source>
        <translation>Entfernen Sie zuerst jene Maschinen, oder geben Sie ihnen mit einem vollständigen Klon eigene Platten.</translation>
    </message>
</context>
<context>
    <name>vivarium::MachineSettingsDialog</name>
    <message>
        <source>%1 — Settings</source>
        <translation>%1 — Einstellungen</translation>
    </message>
    <message>
        <source>General</source>
        <translation>Allgemein</translation>
    </message>
    <message>
        <source>System</source>
        <translation>System</translation>
    </message>
    <message>
        <source>Display</source>
        <translation>Anzeige</translation>
    </message>
    <message>
        <source>Storage</source>
        <translation>Massenspeicher</translation>
    </message>
    <message>
        <source>Serial Ports</source>
        <translation>Serielle Schnittstellen</translation>
    </message>
    <message>
        <source>User Interface</source>
        <translation>Benutzeroberfläche</translation>
    </message>
    <message>
        <source>There is already a machine with this name.</source>
        <translation>Eine Maschine mit diesem Namen gibt es schon.</translation>
    </message>
    <message>
        <source>The machine is running: what is grey can be changed when it is powered off.</source>
        <translation>Die Maschine läuft: Was grau ist, kann geändert werden, wenn sie ausgeschaltet ist.</translation>
    </message>
    <message>
        <source>The machine is a template and stays as it is: what is grey can be changed in its clones.</source>
        <translation>Die Maschine ist eine Vorlage und bleibt, wie sie ist: Was grau ist, lässt sich in ihren Klonen ändern.</translation>
    </message>
    <message>
        <source>The machine&apos;s state is saved: what is grey can be changed when it is powered off.</source>
        <translation>Der Zustand der Maschine ist gesichert: Was grau ist, lässt sich ändern, wenn sie ausgeschaltet ist.</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>Netzwerk</translation>
    </message>
</context>
<context>
    <name>vivarium::MachineTreeModel</name>
    <message>
        <source>%1 — %2</source>
        <translation>%1 — %2</translation>
    </message>
    <message>
        <source>Template</source>
        <translation>Vorlage</translation>
    </message>
</context>
<context>
    <name>vivarium::MainWindow</name>
    <message>
        <source>Select a machine to see its details.</source>
        <translation>Wählen Sie eine Maschine aus, um ihre Details zu sehen.</translation>
    </message>
    <message numerus="yes">
        <source>%n machine(s) selected</source>
        <translation>
            <numerusform>%n Maschine ausgewählt</numerusform>
            <numerusform>%n Maschinen ausgewählt</numerusform>
        </translation>
    </message>
    <message>
        <source>Add a Machine</source>
        <translation>Maschine hinzufügen</translation>
    </message>
    <message>
        <source>Disks, images and exported settings (*.img *.raw *.dd *.iso *.json);;All files (*)</source>
        <translation>Festplatten, Abbilder und exportierte Einstellungen (*.img *.raw *.dd *.iso *.json);;Alle Dateien (*)</translation>
    </message>
    <message>
        <source>Connect to Remote Screen</source>
        <translation>Mit Fernbildschirm verbinden</translation>
    </message>
    <message>
        <source>Address of the VNC server, for example vnc://192.168.1.20:5900:</source>
        <translation>Adresse des VNC-Servers, zum Beispiel vnc://192.168.1.20:5900:</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>Anzeigen</translation>
    </message>
    <message>
        <source>Show Log</source>
        <translation>Protokoll anzeigen</translation>
    </message>
    <message>
        <source>About Vivarium</source>
        <translation>Über Vivarium</translation>
    </message>
    <message>
        <source>A virtual machine manager with its own KVM engine.
Free software under the GNU General Public License, version 2 or later.</source>
        <translation>Eine Verwaltung virtueller Maschinen mit eigener KVM-Engine.
Freie Software unter der GNU General Public License, Version 2 oder neuer.</translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation>&amp;Datei</translation>
    </message>
    <message>
        <source>&amp;Machine</source>
        <translation>&amp;Maschine</translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation>&amp;Hilfe</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>Stoppen</translation>
    </message>
    <message>
        <source>Shuts the selected machine down or cuts its power</source>
        <translation>Fährt die ausgewählte Maschine herunter oder schaltet sie aus</translation>
    </message>
    <message>
        <source>Tool Bar</source>
        <translation>Werkzeugleiste</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>Details</translation>
    </message>
    <message>
        <source>Logs</source>
        <translation>Protokolle</translation>
    </message>
    <message>
        <source>St&amp;art</source>
        <translation>St&amp;arten</translation>
    </message>
    <message>
        <source>St&amp;op</source>
        <translation>St&amp;oppen</translation>
    </message>
    <message>
        <source>Snapshots</source>
        <translation>Sicherungspunkte</translation>
    </message>
</context>
<context>
    <name>vivarium::MiniToolbar</name>
    <message>
        <source>Menus</source>
        <translation>Menüs</translation>
    </message>
    <message>
        <source>Keep this bar open</source>
        <translation>Diese Leiste offen halten</translation>
    </message>
    <message>
        <source>Minimize</source>
        <translation>Minimieren</translation>
    </message>
    <message>
        <source>Leave full screen</source>
        <translation>Vollbild verlassen</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
</context>
<context>
    <name>vivarium::NamePage</name>
    <message>
        <source>Virtual Machine Name and Operating System</source>
        <translation>Name und Betriebssystem der virtuellen Maschine</translation>
    </message>
    <message>
        <source>Choose a name, and the image of the installation disk or live system that the machine starts from.</source>
        <translation>Wählen Sie einen Namen und das Abbild des Installationsmediums oder Live-Systems, von dem die Maschine startet.</translation>
    </message>
    <message>
        <source>Choose the Folder of the Machine</source>
        <translation>Ordner der Maschine wählen</translation>
    </message>
    <message>
        <source>Choose an Optical Disk</source>
        <translation>Optisches Medium wählen</translation>
    </message>
    <message>
        <source>None: start from a disk, or choose one later</source>
        <translation>Keines: von einer Festplatte starten oder später eines wählen</translation>
    </message>
    <message>
        <source>&amp;Folder:</source>
        <translation>&amp;Ordner:</translation>
    </message>
    <message>
        <source>&amp;ISO Image:</source>
        <translation>&amp;ISO-Abbild:</translation>
    </message>
    <message>
        <source>&amp;Type:</source>
        <translation>&amp;Typ:</translation>
    </message>
    <message>
        <source>There is already a machine with this name.</source>
        <translation>Eine Maschine mit diesem Namen gibt es schon.</translation>
    </message>
    <message>
        <source>The image is shorter than it says it is: the download may not be complete.</source>
        <translation>Das Abbild ist kürzer, als es selbst angibt: Der Download ist vielleicht nicht vollständig.</translation>
    </message>
    <message>
        <source>A machine cannot start from this image; it holds only files.</source>
        <translation>Von diesem Abbild kann keine Maschine starten; es enthält nur Dateien.</translation>
    </message>
    <message>
        <source>%1, %2</source>
        <translation>%1, %2</translation>
    </message>
    <message>
        <source>Na&amp;me:</source>
        <translation>Na&amp;me:</translation>
    </message>
    <message>
        <source>Checking…</source>
        <translation>Wird geprüft …</translation>
    </message>
</context>
<context>
    <name>vivarium::NetworkPage</name>
    <message>
        <source>Adapter %1</source>
        <translation>Adapter %1</translation>
    </message>
    <message>
        <source>&amp;Enable network adapter</source>
        <translation>Netzwerkadapter &amp;aktivieren</translation>
    </message>
    <message>
        <source>Not attached: the guest has the adapter, but no cable is plugged in. Networks to attach it to are not part of this version.</source>
        <translation>Nicht angeschlossen: Der Gast hat den Adapter, aber es steckt kein Kabel. Netze, an die er angeschlossen werden könnte, gibt es in dieser Version nicht.</translation>
    </message>
    <message>
        <source>Makes a new random MAC address</source>
        <translation>Erzeugt eine neue zufällige MAC-Adresse</translation>
    </message>
    <message>
        <source>New MAC address</source>
        <translation>Neue MAC-Adresse</translation>
    </message>
    <message>
        <source>Attached to:</source>
        <translation>Angeschlossen an:</translation>
    </message>
    <message>
        <source>Adapter Type:</source>
        <translation>Adaptertyp:</translation>
    </message>
    <message>
        <source>&amp;MAC Address:</source>
        <translation>&amp;MAC-Adresse:</translation>
    </message>
</context>
<context>
    <name>vivarium::NewMachineWizard</name>
    <message>
        <source>Create Virtual Machine</source>
        <translation>Virtuelle Maschine erzeugen</translation>
    </message>
</context>
<context>
    <name>vivarium::Notification</name>
    <message>
        <source>Show Details</source>
        <translation>Details anzeigen</translation>
    </message>
    <message>
        <source>Hide Details</source>
        <translation>Details verbergen</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
</context>
<context>
    <name>vivarium::NotificationCenter</name>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
</context>
<context>
    <name>vivarium::PathCheck</name>
    <message>
        <source>The folder or drive does not answer. A network drive may have gone.</source>
        <translation>Der Ordner oder das Laufwerk antwortet nicht. Vielleicht ist ein Netzlaufwerk nicht mehr da.</translation>
    </message>
    <message>
        <source>Checking…</source>
        <translation>Wird geprüft …</translation>
    </message>
</context>
<context>
    <name>vivarium::PathField</name>
    <message>
        <source>Choose…</source>
        <translation>Auswählen …</translation>
    </message>
</context>
<context>
    <name>vivarium::PreferencesDialog</name>
    <message>
        <source>Preferences</source>
        <translation>Globale Einstellungen</translation>
    </message>
    <message>
        <source>General</source>
        <translation>Allgemein</translation>
    </message>
    <message>
        <source>Input</source>
        <translation>Eingabe</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>Sprache</translation>
    </message>
    <message>
        <source>Choose the Folder of New Machines</source>
        <translation>Ordner neuer Maschinen wählen</translation>
    </message>
    <message>
        <source>Choose the Folder of Disk Images</source>
        <translation>Ordner der Abbilder wählen</translation>
    </message>
    <message>
        <source>Choose the Folder of Screenshots</source>
        <translation>Ordner der Bildschirmfotos wählen</translation>
    </message>
    <message>
        <source>&amp;Ask what to do when the window of a running machine closes</source>
        <translation>&amp;Fragen, was geschehen soll, wenn das Fenster einer laufenden Maschine geschlossen wird</translation>
    </message>
    <message>
        <source>&amp;Machine Folder:</source>
        <translation>Ordner der &amp;Maschinen:</translation>
    </message>
    <message>
        <source>&amp;Disk Image Folder:</source>
        <translation>Ordner der &amp;Abbilder:</translation>
    </message>
    <message>
        <source>&amp;Screenshot Folder:</source>
        <translation>Ordner der &amp;Bildschirmfotos:</translation>
    </message>
    <message>
        <source>Colours and light or dark appearance follow the desktop.</source>
        <translation>Farben sowie helles oder dunkles Aussehen folgen der Arbeitsumgebung.</translation>
    </message>
    <message>
        <source>&amp;Capture the keyboard when a machine&apos;s window is used</source>
        <translation>&amp;Tastatur fangen, wenn das Fenster einer Maschine benutzt wird</translation>
    </message>
    <message>
        <source>Shortcuts of the desktop such as Alt+Tab go to the guest then</source>
        <translation>Tastenkürzel der Arbeitsumgebung wie Alt+Tab gehen dann an den Gast</translation>
    </message>
    <message>
        <source>&amp;Host Key:</source>
        <translation>&amp;Host-Taste:</translation>
    </message>
    <message>
        <source>The host key gives mouse and keyboard back to this computer. Left Ctrl and Left Alt, pressed together, do so as well.</source>
        <translation>Die Host-Taste gibt Maus und Tastatur an diesen Rechner zurück. Strg links und Alt links, zusammen gedrückt, tun das auch.</translation>
    </message>
    <message>
        <source>As the desktop</source>
        <translation>Wie die Arbeitsumgebung</translation>
    </message>
    <message>
        <source>&amp;Language:</source>
        <translation>&amp;Sprache:</translation>
    </message>
    <message>
        <source>Sa&amp;ve the running machines when the desktop session ends</source>
        <translation>Laufende Maschinen &amp;sichern, wenn die Sitzung endet</translation>
    </message>
    <message>
        <source>As long as Vivarium is open. The machines go on where they were when they are started again; at a shutdown the system waits some seconds for what is being saved.</source>
        <translation>Solange Vivarium offen ist. Beim nächsten Start laufen die Maschinen dort weiter, wo sie waren; beim Herunterfahren wartet das System einige Sekunden auf das, was gesichert wird.</translation>
    </message>
</context>
<context>
    <name>vivarium::RemoteConsole</name>
    <message>
        <source>Connecting to %1…</source>
        <translation>Verbindung mit %1 wird aufgebaut …</translation>
    </message>
    <message>
        <source>Password</source>
        <translation>Passwort</translation>
    </message>
    <message>
        <source>Password of %1:</source>
        <translation>Passwort von %1:</translation>
    </message>
    <message>
        <source>Connect Again</source>
        <translation>Erneut verbinden</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>Schließen</translation>
    </message>
    <message>
        <source>Not connected</source>
        <translation>Nicht verbunden</translation>
    </message>
    <message>
        <source>%1 — Vivarium</source>
        <translation>%1 — Vivarium</translation>
    </message>
    <message>
        <source>&amp;Screen</source>
        <translation>&amp;Bildschirm</translation>
    </message>
    <message>
        <source>Connect &amp;Again</source>
        <translation>&amp;Erneut verbinden</translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation>S&amp;chließen</translation>
    </message>
</context>
<context>
    <name>vivarium::SerialPortsPage</name>
    <message>
        <source>Port %1</source>
        <translation>Port %1</translation>
    </message>
    <message>
        <source>&amp;Enable serial port %1 (COM%1: %2)</source>
        <translation>Serielle Schnittstelle %1 &amp;aktivieren (COM%1: %2)</translation>
    </message>
    <message>
        <source>Kept in memory; “viv serial” shows it and types into it</source>
        <translation>Bleibt im Speicher; „viv serial“ zeigt sie und tippt hinein</translation>
    </message>
    <message>
        <source>Choose a File</source>
        <translation>Datei wählen</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>Alle Dateien (*)</translation>
    </message>
    <message>
        <source>Port &amp;Mode:</source>
        <translation>Port-&amp;Modus:</translation>
    </message>
    <message>
        <source>&amp;Path:</source>
        <translation>&amp;Pfad:</translation>
    </message>
    <message>
        <source>Path of a Unix socket to make</source>
        <translation>Pfad eines Unix-Sockets, der angelegt wird</translation>
    </message>
</context>
<context>
    <name>vivarium::SessionEnd</name>
    <message>
        <source>The running machines are being saved.</source>
        <translation>Die laufenden Maschinen werden gesichert.</translation>
    </message>
    <message>
        <source>The session ends: saving the state of “%1”…</source>
        <translation>Die Sitzung endet: Der Zustand von „%1“ wird gesichert …</translation>
    </message>
</context>
<context>
    <name>vivarium::SettingsDialogFrame</name>
    <message>
        <source>Sections</source>
        <translation>Abschnitte</translation>
    </message>
</context>
<context>
    <name>vivarium::SnapshotModel</name>
    <message>
        <source>Name</source>
        <translation>Name</translation>
    </message>
    <message>
        <source>Taken</source>
        <translation>Erstellt</translation>
    </message>
    <message>
        <source>%1, automatic</source>
        <translation>%1, automatisch</translation>
    </message>
    <message>
        <source>Current State (changed)</source>
        <translation>Aktueller Zustand (geändert)</translation>
    </message>
    <message>
        <source>Current State</source>
        <translation>Aktueller Zustand</translation>
    </message>
</context>
<context>
    <name>vivarium::SnapshotOperations</name>
    <message>
        <source>Taking a snapshot of “%1”…</source>
        <translation>Sicherungspunkt von „%1“ wird erstellt …</translation>
    </message>
    <message>
        <source>Restoring the snapshot “%1”…</source>
        <translation>Sicherungspunkt „%1“ wird wiederhergestellt …</translation>
    </message>
    <message>
        <source>Deleting the snapshot “%1”…</source>
        <translation>Sicherungspunkt „%1“ wird gelöscht …</translation>
    </message>
    <message>
        <source>Changing the snapshot “%1”…</source>
        <translation>Sicherungspunkt „%1“ wird geändert …</translation>
    </message>
    <message>
        <source>Saving the state of “%1”…</source>
        <translation>Zustand von „%1“ wird gespeichert …</translation>
    </message>
    <message>
        <source>Discarding the saved state of “%1”…</source>
        <translation>Gespeicherter Zustand von „%1“ wird verworfen …</translation>
    </message>
    <message>
        <source>Forking “%1”…</source>
        <translation>„%1“ wird vervielfältigt …</translation>
    </message>
    <message>
        <source>Cloning “%1”…</source>
        <translation>„%1“ wird geklont …</translation>
    </message>
    <message>
        <source>The snapshot “%1” was deleted.</source>
        <translation>Der Sicherungspunkt „%1“ wurde gelöscht.</translation>
    </message>
    <message>
        <source>Its disk space is free when this message goes.</source>
        <translation>Sein Plattenplatz wird frei, wenn diese Meldung verschwindet.</translation>
    </message>
    <message>
        <source>Changing “%1”…</source>
        <translation>„%1“ wird geändert …</translation>
    </message>
</context>
<context>
    <name>vivarium::SnapshotPane</name>
    <message>
        <source>&amp;Take…</source>
        <translation>&amp;Erstellen …</translation>
    </message>
    <message>
        <source>Keeps the machine exactly as it is now</source>
        <translation>Hält die Maschine genau so fest, wie sie jetzt ist</translation>
    </message>
    <message>
        <source>Take</source>
        <translation>Erstellen</translation>
    </message>
    <message>
        <source>&amp;Delete…</source>
        <translation>&amp;Löschen …</translation>
    </message>
    <message>
        <source>Removes the selected snapshot</source>
        <translation>Entfernt den ausgewählten Sicherungspunkt</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>Löschen</translation>
    </message>
    <message>
        <source>&amp;Restore…</source>
        <translation>&amp;Wiederherstellen …</translation>
    </message>
    <message>
        <source>Takes the machine back to the selected snapshot</source>
        <translation>Bringt die Maschine zum ausgewählten Sicherungspunkt zurück</translation>
    </message>
    <message>
        <source>Restore</source>
        <translation>Wiederherstellen</translation>
    </message>
    <message>
        <source>&amp;Properties</source>
        <translation>E&amp;igenschaften</translation>
    </message>
    <message>
        <source>Shows what is known of the selected snapshot</source>
        <translation>Zeigt, was über den ausgewählten Sicherungspunkt bekannt ist</translation>
    </message>
    <message>
        <source>Properties</source>
        <translation>Eigenschaften</translation>
    </message>
    <message>
        <source>&amp;Clone…</source>
        <translation>&amp;Klonen …</translation>
    </message>
    <message>
        <source>Makes a new machine of the selected snapshot or state</source>
        <translation>Macht aus dem ausgewählten Sicherungspunkt oder Zustand eine neue Maschine</translation>
    </message>
    <message>
        <source>Clone</source>
        <translation>Klonen</translation>
    </message>
    <message>
        <source>No snapshots yet</source>
        <translation>Noch keine Sicherungspunkte</translation>
    </message>
    <message>
        <source>A snapshot keeps the machine exactly as it is at one moment: its disks, its settings and, while it runs, its memory and screen. Take one before you try something; you can go back to it at any time, as often as you like.</source>
        <translation>Ein Sicherungspunkt hält die Maschine genau so fest, wie sie in einem Augenblick ist: ihre Festplatten, ihre Einstellungen und, wenn sie läuft, auch Hauptspeicher und Bildschirm. Erstellen Sie einen, bevor Sie etwas ausprobieren; Sie können jederzeit und beliebig oft dorthin zurückkehren.</translation>
    </message>
    <message>
        <source>Take Snapshot…</source>
        <translation>Sicherungspunkt erstellen …</translation>
    </message>
    <message>
        <source>Snapshots</source>
        <translation>Sicherungspunkte</translation>
    </message>
    <message>
        <source>Time&amp;line</source>
        <translation>&amp;Zeitleiste</translation>
    </message>
    <message>
        <source>Shows the snapshots by time, and when they are taken automatically</source>
        <translation>Zeigt die Sicherungspunkte nach der Zeit, und wann sie selbsttätig erstellt werden</translation>
    </message>
    <message>
        <source>Timeline</source>
        <translation>Zeitleiste</translation>
    </message>
    <message>
        <source>Take Snapshots Automatically…</source>
        <translation>Selbsttätig Sicherungspunkte erstellen …</translation>
    </message>
</context>
<context>
    <name>vivarium::SnapshotPrompts</name>
    <message>
        <source>Restore Snapshot</source>
        <translation>Sicherungspunkt wiederherstellen</translation>
    </message>
    <message>
        <source>Restore the snapshot “%1”?</source>
        <translation>Den Sicherungspunkt „%1“ wiederherstellen?</translation>
    </message>
    <message>
        <source>The machine becomes what it was at that moment. Its present state is lost unless a snapshot of it is taken first; a running guest is stopped.</source>
        <translation>Die Maschine wird wieder so, wie sie in jenem Augenblick war. Ihr jetziger Zustand geht verloren, wenn nicht vorher ein Sicherungspunkt davon erstellt wird; ein laufender Gast wird beendet.</translation>
    </message>
    <message>
        <source>The machine becomes what it was at that moment. Its present state is that of the snapshot it hangs below, so nothing is lost.</source>
        <translation>Die Maschine wird wieder so, wie sie in jenem Augenblick war. Ihr jetziger Zustand ist der des Sicherungspunkts, unter dem er hängt; es geht also nichts verloren.</translation>
    </message>
    <message>
        <source>&amp;Create a snapshot of the current machine state first</source>
        <translation>&amp;Zuerst einen Sicherungspunkt des aktuellen Zustands erstellen</translation>
    </message>
    <message>
        <source>&amp;Restore</source>
        <translation>&amp;Wiederherstellen</translation>
    </message>
    <message>
        <source>Delete Snapshot</source>
        <translation>Sicherungspunkt löschen</translation>
    </message>
    <message>
        <source>Delete the snapshot “%1”?</source>
        <translation>Den Sicherungspunkt „%1“ löschen?</translation>
    </message>
    <message>
        <source>Also delete the snapshots &amp;below it</source>
        <translation>Auch die Sicherungspunkte &amp;darunter löschen</translation>
    </message>
    <message>
        <source>&amp;Delete</source>
        <translation>&amp;Löschen</translation>
    </message>
    <message>
        <source>Discard Saved State</source>
        <translation>Gespeicherten Zustand verwerfen</translation>
    </message>
    <message>
        <source>Discard the saved state of the selected machines?</source>
        <translation>Den gespeicherten Zustand der ausgewählten Maschinen verwerfen?</translation>
    </message>
    <message>
        <source>That is like cutting the power of a running computer: what the guests have not saved is lost.</source>
        <translation>Das ist, als würde man einem laufenden Computer den Strom abschalten: Was die Gäste nicht gespeichert haben, geht verloren.</translation>
    </message>
    <message>
        <source>&amp;Discard</source>
        <translation>&amp;Verwerfen</translation>
    </message>
    <message>
        <source>The disks of these machines stand on it:</source>
        <translation>Die Platten dieser Maschinen bauen darauf auf:</translation>
    </message>
    <message>
        <source>The snapshot “%1” cannot be deleted.</source>
        <translation>Der Sicherungspunkt „%1“ kann nicht gelöscht werden.</translation>
    </message>
    <message>
        <source>Remove those machines first, or give them disks of their own with a full clone.</source>
        <translation>Entfernen Sie zuerst jene Maschinen, oder geben Sie ihnen mit einem vollständigen Klon eigene Platten.</translation>
    </message>
    <message>
        <source>Use as Template</source>
        <translation>Als Vorlage verwenden</translation>
    </message>
    <message>
        <source>“%1” has to stay a template.</source>
        <translation>„%1“ muss eine Vorlage bleiben.</translation>
    </message>
    <message>
        <source>Remove those machines first.</source>
        <translation>Entfernen Sie zuerst jene Maschinen.</translation>
    </message>
    <message>
        <source>You can take that back for some seconds; then there is no way back to this moment. The current state and all other snapshots stay as they are.</source>
        <translation>Einige Sekunden lang lässt sich das zurücknehmen; dann führt kein Weg mehr zu diesem Zeitpunkt zurück. Der aktuelle Zustand und alle anderen Sicherungspunkte bleiben, wie sie sind.</translation>
    </message>
</context>
<context>
    <name>vivarium::SnapshotProperties</name>
    <message>
        <source>%1 (automatic)</source>
        <translation>%1 (automatisch)</translation>
    </message>
    <message>
        <source>Current State</source>
        <translation>Aktueller Zustand</translation>
    </message>
    <message>
        <source>%1; changed since “%2” was taken</source>
        <translation>%1; geändert, seit „%2“ erstellt wurde</translation>
    </message>
    <message>
        <source>%1; the same as “%2”</source>
        <translation>%1; gleich wie „%2“</translation>
    </message>
    <message>
        <source>Taken:</source>
        <translation>Erstellt:</translation>
    </message>
    <message>
        <source>State:</source>
        <translation>Zustand:</translation>
    </message>
    <message>
        <source>Name:</source>
        <translation>Name:</translation>
    </message>
    <message>
        <source>Description:</source>
        <translation>Beschreibung:</translation>
    </message>
    <message>
        <source>Hardware:</source>
        <translation>Hardware:</translation>
    </message>
    <message>
        <source>Apply</source>
        <translation>Anwenden</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>Verwerfen</translation>
    </message>
    <message>
        <source>The guest&apos;s screen at that moment</source>
        <translation>Der Bildschirm des Gasts in jenem Augenblick</translation>
    </message>
</context>
<context>
    <name>vivarium::StoragePage</name>
    <message>
        <source>&amp;Host cache:</source>
        <translation>&amp;Host-Cache:</translation>
    </message>
    <message>
        <source>On &amp;errors:</source>
        <translation>Bei &amp;Fehlern:</translation>
    </message>
    <message>
        <source>When the host is f&amp;ull:</source>
        <translation>Wenn der Host &amp;voll ist:</translation>
    </message>
    <message>
        <source>Until the guest flushes</source>
        <translation>Bis der Gast es sichert</translation>
    </message>
    <message>
        <source>For reading only</source>
        <translation>Nur zum Lesen</translation>
    </message>
    <message>
        <source>None (direct)</source>
        <translation>Keiner (direkt)</translation>
    </message>
    <message>
        <source>What the guest writes is kept in the host&apos;s memory until the guest wants it on the disk, is written at once, or goes around the host&apos;s memory.</source>
        <translation>Was der Gast schreibt, bleibt im Speicher des Hosts, bis der Gast es auf der Platte haben will, wird sofort geschrieben oder geht am Speicher des Hosts vorbei.</translation>
    </message>
    <message>
        <source>Tell the guest</source>
        <translation>Dem Gast melden</translation>
    </message>
    <message>
        <source>Pause the machine</source>
        <translation>Maschine anhalten</translation>
    </message>
    <message>
        <source>Ignore</source>
        <translation>Übergehen</translation>
    </message>
    <message>
        <source>When the host cannot read or write the disk&apos;s file</source>
        <translation>Wenn der Host die Datei der Festplatte nicht lesen oder schreiben kann</translation>
    </message>
    <message>
        <source>When a write finds no space on the host; ignoring it loses data</source>
        <translation>Wenn beim Schreiben auf dem Host kein Platz ist; wer das übergeht, verliert Daten</translation>
    </message>
    <message>
        <source>For&amp;mat:</source>
        <translation>For&amp;mat:</translation>
    </message>
    <message>
        <source>Found out when a file is chosen. A wrong format makes the disk unreadable.</source>
        <translation>Wird bei der Wahl einer Datei ermittelt. Ein falsches Format macht die Festplatte unlesbar.</translation>
    </message>
    <message>
        <source>Attributes</source>
        <translation>Attribute</translation>
    </message>
    <message>
        <source>&amp;Read-only</source>
        <translation>&amp;Schreibgeschützt</translation>
    </message>
    <message>
        <source>&amp;Storage Devices</source>
        <translation>&amp;Laufwerke</translation>
    </message>
    <message>
        <source>Add Hard Disk</source>
        <translation>Festplatte hinzufügen</translation>
    </message>
    <message>
        <source>Create a New Disk…</source>
        <translation>Neue Festplatte erzeugen …</translation>
    </message>
    <message>
        <source>Choose an Existing Disk…</source>
        <translation>Vorhandene Festplatte wählen …</translation>
    </message>
    <message>
        <source>Choose a Hard Disk</source>
        <translation>Festplatte wählen</translation>
    </message>
    <message>
        <source>Add Optical Drive</source>
        <translation>Optisches Laufwerk hinzufügen</translation>
    </message>
    <message>
        <source>Leave Empty</source>
        <translation>Leer lassen</translation>
    </message>
    <message>
        <source>Choose a Disk File…</source>
        <translation>Abbilddatei wählen …</translation>
    </message>
    <message>
        <source>Choose an Optical Disk</source>
        <translation>Optisches Medium wählen</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>Entfernen</translation>
    </message>
    <message>
        <source>Takes the drive out of the machine; its file stays</source>
        <translation>Nimmt das Laufwerk aus der Maschine; seine Datei bleibt</translation>
    </message>
    <message>
        <source>Known disks, and removing the disk</source>
        <translation>Bekannte Medien und Entfernen des Mediums</translation>
    </message>
    <message>
        <source>Remove Disk From Virtual Drive</source>
        <translation>Medium aus dem virtuellen Laufwerk entfernen</translation>
    </message>
    <message>
        <source>&amp;Port:</source>
        <translation>&amp;Port:</translation>
    </message>
    <message>
        <source>&amp;File:</source>
        <translation>&amp;Datei:</translation>
    </message>
    <message>
        <source>Size:</source>
        <translation>Größe:</translation>
    </message>
    <message>
        <source>Empty</source>
        <translation>Leer</translation>
    </message>
    <message>
        <source>The file is not there.</source>
        <translation>Die Datei ist nicht da.</translation>
    </message>
    <message>
        <source>SATA works in every guest. NVMe and Virtio are faster; the guest system needs a driver for them.</source>
        <translation>SATA funktioniert in jedem Gast. NVMe und Virtio sind schneller; das Gastsystem braucht dafür einen Treiber.</translation>
    </message>
    <message>
        <source>&amp;Controller:</source>
        <translation>&amp;Controller:</translation>
    </message>
    <message>
        <source>Controller: %1</source>
        <translation>Controller: %1</translation>
    </message>
</context>
<context>
    <name>vivarium::SummaryPage</name>
    <message>
        <source>Summary</source>
        <translation>Zusammenfassung</translation>
    </message>
    <message>
        <source>The machine is made as follows.</source>
        <translation>Die Maschine wird folgendermaßen erzeugt.</translation>
    </message>
    <message>
        <source>%1, pre-allocated</source>
        <translation>%1, vorab belegt</translation>
    </message>
    <message>
        <source>%1, dynamically allocated</source>
        <translation>%1, dynamisch belegt</translation>
    </message>
    <message>
        <source>None</source>
        <translation>Keine</translation>
    </message>
    <message>
        <source>Name:</source>
        <translation>Name:</translation>
    </message>
    <message>
        <source>Folder:</source>
        <translation>Ordner:</translation>
    </message>
    <message>
        <source>Type:</source>
        <translation>Typ:</translation>
    </message>
    <message>
        <source>ISO Image:</source>
        <translation>ISO-Abbild:</translation>
    </message>
    <message>
        <source>Base Memory:</source>
        <translation>Hauptspeicher:</translation>
    </message>
    <message>
        <source>Processors:</source>
        <translation>Prozessoren:</translation>
    </message>
    <message>
        <source>Hard Disk:</source>
        <translation>Festplatte:</translation>
    </message>
</context>
<context>
    <name>vivarium::SystemPage</name>
    <message>
        <source>Motherboard</source>
        <translation>Hauptplatine</translation>
    </message>
    <message>
        <source>Processor</source>
        <translation>Prozessor</translation>
    </message>
    <message>
        <source>Direct Boot</source>
        <translation>Direktstart</translation>
    </message>
    <message>
        <source> MB</source>
        <translation> MB</translation>
    </message>
    <message>
        <source>Earlier</source>
        <translation>Früher</translation>
    </message>
    <message>
        <source>Boot this device earlier</source>
        <translation>Dieses Gerät früher booten</translation>
    </message>
    <message>
        <source>Later</source>
        <translation>Später</translation>
    </message>
    <message>
        <source>Boot this device later</source>
        <translation>Dieses Gerät später booten</translation>
    </message>
    <message>
        <source>Wait for the &amp;boot menu key</source>
        <translation>Auf die Taste für das &amp;Bootmenü warten</translation>
    </message>
    <message>
        <source>High precision event &amp;timer (HPET)</source>
        <translation>Präziser Ereigniszei&amp;tgeber (HPET)</translation>
    </message>
    <message>
        <source>Hardware clock in &amp;local time (for Windows and DOS)</source>
        <translation>Hardware-Uhr in Orts&amp;zeit (für Windows und DOS)</translation>
    </message>
    <message>
        <source>Base &amp;Memory:</source>
        <translation>&amp;Hauptspeicher:</translation>
    </message>
    <message>
        <source>B&amp;oot Order:</source>
        <translation>B&amp;ootreihenfolge:</translation>
    </message>
    <message>
        <source>&amp;Firmware:</source>
        <translation>&amp;Firmware:</translation>
    </message>
    <message>
        <source>Extended Features:</source>
        <translation>Erweiterte Funktionen:</translation>
    </message>
    <message>
        <source>KVM runs guests at the processor&apos;s own speed. Software needs nothing of this computer, but is slower. Default takes KVM where it can be used.</source>
        <translation>KVM führt Gäste so schnell aus wie der Prozessor selbst. Software braucht nichts von diesem Rechner, ist aber langsamer. Die Vorgabe nimmt KVM, wo es sich nutzen lässt.</translation>
    </message>
    <message>
        <source>&amp;Exit device for test guests (isa-debug-exit)</source>
        <translation>&amp;Ende-Gerät für Testgäste (isa-debug-exit)</translation>
    </message>
    <message>
        <source>&amp;Processors:</source>
        <translation>&amp;Prozessoren:</translation>
    </message>
    <message>
        <source>&amp;Acceleration:</source>
        <translation>&amp;Beschleunigung:</translation>
    </message>
    <message>
        <source>Choose a Kernel</source>
        <translation>Kernel wählen</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>Alle Dateien (*)</translation>
    </message>
    <message>
        <source>Linux, PVH or multiboot</source>
        <translation>Linux, PVH oder Multiboot</translation>
    </message>
    <message>
        <source>Choose an Initial RAM Disk</source>
        <translation>Anfängliche RAM-Disk wählen</translation>
    </message>
    <message>
        <source>One file a line (multiboot only)</source>
        <translation>Eine Datei je Zeile (nur Multiboot)</translation>
    </message>
    <message>
        <source>&amp;Kernel:</source>
        <translation>&amp;Kernel:</translation>
    </message>
    <message>
        <source>&amp;Initial RAM Disk:</source>
        <translation>&amp;Anfängliche RAM-Disk:</translation>
    </message>
    <message>
        <source>&amp;Command Line:</source>
        <translation>&amp;Befehlszeile:</translation>
    </message>
    <message>
        <source>&amp;Modules:</source>
        <translation>&amp;Module:</translation>
    </message>
    <message>
        <source>Start a kernel &amp;directly, without firmware</source>
        <translation>Einen Kernel &amp;direkt starten, ohne Firmware</translation>
    </message>
</context>
<context>
    <name>vivarium::TakeSnapshotDialog</name>
    <message>
        <source>Take Snapshot of Virtual Machine</source>
        <translation>Sicherungspunkt der virtuellen Maschine erstellen</translation>
    </message>
    <message>
        <source>Snapshot &amp;Name</source>
        <translation>&amp;Name des Sicherungspunkts</translation>
    </message>
    <message>
        <source>Snapshot &amp;Description</source>
        <translation>&amp;Beschreibung des Sicherungspunkts</translation>
    </message>
    <message>
        <source>The guest&apos;s screen</source>
        <translation>Der Bildschirm des Gasts</translation>
    </message>
    <message>
        <source>&amp;Take</source>
        <translation>&amp;Erstellen</translation>
    </message>
</context>
<context>
    <name>vivarium::TimelineBar</name>
    <message numerus="yes">
        <source>While the machine runs, a snapshot is taken every %n minute(s).</source>
        <translation>
            <numerusform>Solange die Maschine läuft, wird jede Minute ein Sicherungspunkt erstellt.</numerusform>
            <numerusform>Solange die Maschine läuft, wird alle %n Minuten ein Sicherungspunkt erstellt.</numerusform>
        </translation>
    </message>
    <message>
        <source>No snapshots are taken automatically.</source>
        <translation>Es werden keine Sicherungspunkte selbsttätig erstellt.</translation>
    </message>
    <message>
        <source>&amp;Automatic Snapshots…</source>
        <translation>Selbst&amp;tätige Sicherungspunkte …</translation>
    </message>
    <message>
        <source>&amp;Restore…</source>
        <translation>&amp;Wiederherstellen …</translation>
    </message>
    <message>
        <source>Takes the machine back to the chosen moment</source>
        <translation>Versetzt die Maschine zurück in den gewählten Augenblick</translation>
    </message>
    <message>
        <source>Timeline</source>
        <translation>Zeitleiste</translation>
    </message>
</context>
<context>
    <name>vivarium::TimelineDialog</name>
    <message numerus="yes">
        <source>At most about %n automatic snapshot(s) at a time; your own stay.</source>
        <translation>
            <numerusform>Höchstens etwa %n selbsttätiger Sicherungspunkt auf einmal; Ihre eigenen bleiben.</numerusform>
            <numerusform>Höchstens etwa %n selbsttätige Sicherungspunkte auf einmal; Ihre eigenen bleiben.</numerusform>
        </translation>
    </message>
    <message>
        <source>What was taken automatically before stays until you delete it.</source>
        <translation>Was bisher selbsttätig erstellt wurde, bleibt, bis Sie es löschen.</translation>
    </message>
    <message>
        <source>Automatic Snapshots of “%1”</source>
        <translation>Selbsttätige Sicherungspunkte von „%1“</translation>
    </message>
    <message>
        <source>&amp;Take snapshots automatically while the machine runs</source>
        <translation>Selbst&amp;tätig Sicherungspunkte erstellen, solange die Maschine läuft</translation>
    </message>
    <message>
        <source>&amp;Every:</source>
        <translation>&amp;Alle:</translation>
    </message>
    <message numerus="yes">
        <source> minute(s)</source>
        <comment>after a number</comment>
        <translation>
            <numerusform> Minute</numerusform>
            <numerusform> Minuten</numerusform>
        </translation>
    </message>
    <message>
        <source>Keep &amp;all of the last:</source>
        <translation>Alle b&amp;ehalten aus den letzten:</translation>
    </message>
    <message numerus="yes">
        <source> hour(s)</source>
        <comment>after a number</comment>
        <translation>
            <numerusform> Stunde</numerusform>
            <numerusform> Stunden</numerusform>
        </translation>
    </message>
    <message>
        <source>Then one an &amp;hour of the last:</source>
        <translation>Dann einen je &amp;Stunde aus den letzten:</translation>
    </message>
    <message>
        <source>Then one a &amp;day of the last:</source>
        <translation>Dann einen je &amp;Tag aus den letzten:</translation>
    </message>
    <message numerus="yes">
        <source> day(s)</source>
        <comment>after a number</comment>
        <translation>
            <numerusform> Tag</numerusform>
            <numerusform> Tagen</numerusform>
        </translation>
    </message>
    <message>
        <source>The guest stands still for some milliseconds each time. It goes on when every window of Vivarium is closed: a small process of the machine takes them and ends with it.</source>
        <translation>Der Gast steht dabei jedes Mal einige Millisekunden still. Es geht weiter, auch wenn jedes Fenster von Vivarium geschlossen ist: Ein kleiner Prozess der Maschine erstellt sie und endet mit ihr.</translation>
    </message>
</context>
<context>
    <name>vivarium::TimelineSlider</name>
    <message>
        <source>Now: the current state</source>
        <translation>Jetzt: der aktuelle Zustand</translation>
    </message>
    <message>
        <source>Now</source>
        <translation>Jetzt</translation>
    </message>
    <message>
        <source>%1 %2</source>
        <comment>day, time</comment>
        <translation>%1 %2</translation>
    </message>
</context>
<context>
    <name>vivarium::UndoableRemovals</name>
    <message>
        <source>&amp;Undo</source>
        <translation>&amp;Rückgängig</translation>
    </message>
</context>
<context>
    <name>vivarium::UserInterfacePage</name>
    <message>
        <source>When the &amp;window closes:</source>
        <translation>Wenn das &amp;Fenster geschlossen wird:</translation>
    </message>
</context>
<context>
    <name>vivarium::WelcomePane</name>
    <message>
        <source>Welcome to Vivarium</source>
        <translation>Willkommen bei Vivarium</translation>
    </message>
    <message>
        <source>There are no machines yet. “New” makes one from the image of an installation disk; “Add” takes a disk that you already have.</source>
        <translation>Es gibt noch keine Maschinen. „Neu“ erzeugt eine aus dem Abbild eines Installationsmediums; „Hinzufügen“ nimmt eine Festplatte, die Sie schon haben.</translation>
    </message>
    <message>
        <source>&amp;New…</source>
        <translation>&amp;Neu …</translation>
    </message>
    <message>
        <source>&amp;Add…</source>
        <translation>&amp;Hinzufügen …</translation>
    </message>
</context>
</TS>
