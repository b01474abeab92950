<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de_DE">
<context>
    <name>Application</name>
    <message>
        <source>Use Another &amp;Folder…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Move It Away and Begin Empty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Library Folder</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>CloseDialog</name>
    <message>
        <source>Close Virtual Machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>What should happen to “%1”?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Keep running in the background</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The guest goes on; “Show” in the main window opens it again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Send the shutdown signal</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>As if the power button was pressed: the guest shuts down by itself</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Power off the machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cuts the power: what the guest has not saved is lost</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Do this always for this machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Can be changed in the settings, section User Interface</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ConsoleBanner</name>
    <message>
        <source>Details</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ConsoleFrame</name>
    <message>
        <source>Some characters were not typed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>A US keyboard does not have them: %1</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Host+%1</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The mouse belongs to the guest now. Press %1 to get it back.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Save Screenshot</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Pictures (*.png)</source>
        <translation type="unfinished"></translation>
    </message>
    <message numerus="yes">
        <source>Typing %n character(s) from the clipboard</source>
        <translation type="unfinished">
            <numerusform></numerusform>
            <numerusform></numerusform>
        </translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Full-screen Mode</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Adjust Window Size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Minimize Window</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Scaling</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Switch Scaling</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Status &amp;Bar</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Take Screenshot…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Copy Screenshot</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Input</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Keyboard</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Insert %1</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Insert %1 (Host Key)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Preferences…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Mouse Integration</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Type Text from Clipboard</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ConsoleStatusBar</name>
    <message>
        <source>SATA Port %1: empty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>SATA Port %1: %2</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Read %1, written %2</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Acceleration: %1</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The mouse belongs to this computer; a click into the screen gives it to the guest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The mouse belongs to the guest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The guest follows the mouse of this computer</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>All keys go to the guest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The desktop&apos;s own shortcuts work</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The host key: releases mouse and keyboard; with another key it is a command, for example %1+F for full screen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Num</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Num Lock of the guest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Caps</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Caps Lock of the guest</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Scroll</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Scroll Lock of the guest</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>CreateDiskDialog</name>
    <message>
        <source>Create a Hard Disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose the File of the New Disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Pre-allocate full size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Takes all the space now. Otherwise the file grows as the guest writes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Create</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;File:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Size:</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>DetailsView</name>
    <message>
        <source>Name:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Operating System:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>State:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Group:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Tags:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Settings Folder:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Base Memory:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Processors:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Boot Order:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Firmware:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Kernel:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Command Line:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Acceleration:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Disabled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Enabled, when the machine runs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Video Memory:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Scaling:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Remote Display (VNC):</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>SATA Port %1:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>[Optical Drive] Empty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>[Optical Drive] %1</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1 (read-only)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>No drives</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Port %1 (COM%1):</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1, %2</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>None</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Opens these settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>General</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>System</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Display</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Storage</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Serial Ports</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Notes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine&apos;s screen; a double click shows it</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>DiskChecks</name>
    <message>
        <source>Type a size such as “20 GB” or “512 MB”.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The disk must have between %1 and %2.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There are only %1 free; choose a smaller disk, or do not pre-allocate it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There are only %1 free: the guest will be paused when they are used up.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose the file of the disk.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There is no such file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This is a folder; choose the file of a disk in it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>You have no permission to read this file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The file is empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Its size is not a whole number of 512-byte sectors; it may not be a raw disk image.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>DiskPage</name>
    <message>
        <source>Virtual Hard Disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>What the guest is installed on. A live system needs none.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Create a virtual hard disk now</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Use an existing virtual hard disk file</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Do not add a virtual hard disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Pre-allocate full size</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Takes all the space now. Otherwise the file grows as the guest writes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a Hard Disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Disk &amp;Size:</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>DisplayPage</name>
    <message>
        <source>&amp;Enable the remote display (VNC)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Video Memory:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Scaling:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Screen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>First free from 5900</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>None</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Address:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Port:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Pass&amp;word:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>127.0.0.1 is reachable from this computer only. Other computers can connect to 0.0.0.0: set a password then. “unix:/path” is a Unix socket.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Remote Display</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>ErrorText</name>
    <message>
        <source>The library of machines could not be opened.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine “%1” could not be started.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine “%1” could not be paused.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine “%1” could not be resumed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine “%1” could not be reset.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The shutdown signal could not be sent to the machine “%1”.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine “%1” could not be powered off.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine “%1” could not be created.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>“%1” could not be added to the library.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The settings of “%1” could not be saved.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine could not be renamed to “%1”.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine “%1” could not be removed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The disk “%1” could not be created.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The image “%1” could not be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The medium of “%1” could not be changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The screenshot of “%1” could not be taken.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The text could not be typed into “%1”.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The remote screen “%1” could not be shown.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The log of “%1” could not be read.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>A value is not allowed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Something that is needed was not found.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There is already something with this name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Your user account does not have the permission.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>It is in use by another machine or program.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There is no space left on the disk of this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This computer reported an error while reading or writing.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This version of Vivarium or this computer does not support it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The file is damaged or is not of the expected kind.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>It is more than is allowed or available.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>That is not possible in the machine&apos;s present state.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There was no answer in time.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Something that is needed is not available on this computer now.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>It was cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The connection was lost.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>An unexpected error occurred inside Vivarium.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Correct the value in the machine&apos;s settings, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check that the file is still where it was, or choose another one in the settings.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose another name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Give your user account access to the file or folder, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stop the other machine or program first, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Delete files that you do not need any more, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check the disk or the network drive that the file is on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose another setting or another file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Use another copy of the file.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a smaller value, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Wait until the present action has finished, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Try again; if it does not help, look at the machine&apos;s log.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The details say what to do about it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Look at the machine&apos;s log, then start it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Please report this with the details and the machine&apos;s log.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The library was written by a newer version of Vivarium and was left untouched. Install that version, or use another library folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Nothing was changed. Restore the file from a backup (they are beside it), or move it away to begin with an empty library.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Give the machine less memory, or close other programs, then try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Power off the machine that uses the disk, or choose another disk.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check the password, then connect again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check the address and that the remote screen is switched on, then connect again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Eject the medium inside the guest first, or force it.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>GeneralPage</name>
    <message>
        <source>&amp;Name:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Operating System:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Group:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>None; “Work/Servers” is a group in a group</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Tags:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Words separated by commas</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Folder:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Basic</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Notes</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>HardwarePage</name>
    <message>
        <source>Hardware</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>How much of this computer the machine may use while it runs. Both can be changed later.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source> MB</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Base &amp;Memory:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Processors:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This computer has only %1 of memory.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>That leaves little memory for this computer, which may become slow.</source>
        <translation type="unfinished"></translation>
    </message>
    <message numerus="yes">
        <source>This computer has %n processor(s); more make the machine slower.</source>
        <translation type="unfinished">
            <numerusform></numerusform>
            <numerusform></numerusform>
        </translation>
    </message>
</context>
<context>
    <name>HostKeyField</name>
    <message>
        <source>Click here and press the key</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>KeyTitles</name>
    <message>
        <source>Right Ctrl</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Left Ctrl</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Right Alt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Left Alt</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Right Shift</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Left Shift</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Left Win</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Right Win</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Menu</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Scroll Lock</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Pause</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>LogView</name>
    <message>
        <source>The machine has no log yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Only the end of the log is shown.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Machine Log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>History</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Time</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Event</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Details</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Find in the log</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>MachineActions</name>
    <message>
        <source>S&amp;how</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>S&amp;tart</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Shows the screen of the selected machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Starts the selected machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;New…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Creates a new virtual machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>New</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Add…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Adds a machine from a disk, an image or exported settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Add</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Settings…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Shows the settings of the selected machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>R&amp;ename</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Gives the machine or the group another name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Remove…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Removes the selected machines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Gro&amp;up…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Puts the selected machines into a group</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Normal Start</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Starts the machine and shows its screen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Headless Start</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Starts the machine in the background</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Pause</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Suspends the execution of the selected machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Pause</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Reset</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Restarts the machine as its reset button would</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>ACPI Sh&amp;utdown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Sends the shutdown signal to the machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Po&amp;wer Off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cuts the power of the machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show &amp;Log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Shows the log of the selected machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show in &amp;File Manager</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Opens the folder of the machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Search</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Finds machines by name, tag or note</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Preferences…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Shows the settings of the application</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Connect to Remote Screen…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Shows a screen that VNC serves</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Quit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Closes the application; running machines go on</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;About Vivarium</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Shows version and licence</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>MachineConsole</name>
    <message>
        <source>The machine has no optical drive</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>SATA Port %1</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a Disk File…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Remove Disk From Virtual Drive</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose an Optical Disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Force</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The guest shows no picture yet.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine is paused.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Reset</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Power Off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Try Again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Resume</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show Log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Start Again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Close</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1 [%2] — press %3 to release the mouse — Vivarium</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1 [%2] — Vivarium</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Settings…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show &amp;Log…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Pause</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Reset</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>ACPI Sh&amp;utdown</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Po&amp;wer Off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Close…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Devices</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Optical Drives</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>MachineList</name>
    <message>
        <source>All Tags</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Search machines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Finds machines by name, tag or note (Ctrl+F)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show machines with a tag</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show only machines with this tag</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Machines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>No machine matches.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>MachineOperations</name>
    <message>
        <source>Starting “%1”…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Powering off “%1”…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Removing “%1”…</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>MachinePrompts</name>
    <message>
        <source>Remove Virtual Machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message numerus="yes">
        <source>Remove %n machine(s) from the list?</source>
        <translation type="unfinished">
            <numerusform></numerusform>
            <numerusform></numerusform>
        </translation>
    </message>
    <message>
        <source>“Delete all files” also deletes the virtual disks in the machine&apos;s folder, except those that another machine uses. That cannot be undone.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Delete all files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Remove only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Reset Virtual Machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Reset the selected machines?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>What the guests have not saved is lost.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Reset</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Power Off Virtual Machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Power off the selected machines?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Power Off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Group</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Name of the group (empty: none; “Work/Servers” is a group in a group):</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>New group</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>MachineSettingsDialog</name>
    <message>
        <source>%1 — Settings</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>General</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>System</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Display</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Storage</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Serial Ports</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>User Interface</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There is already a machine with this name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine is running: what is grey can be changed when it is powered off.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>MachineText</name>
    <message>
        <source>Powered Off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Starting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Running</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Paused</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Saved</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Aborted</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stopping</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>BIOS</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>UEFI</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Default</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>KVM</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Hard Disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Optical</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>None</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Disconnected</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Console</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Raw File</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Host Socket</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fit to Window</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Unscaled (1:1)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Whole Multiples</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Ask</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Keep running in the background</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Send the shutdown signal</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Power off the machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Created</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Settings changed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Renamed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Started</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Resumed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Reset</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Failed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Removed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1 MB</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine “%1” ended unexpectedly.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Its worker process went away without saying why.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Look at the log; the machine&apos;s disks are as the guest left them. You can start the machine again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine “%1” is paused.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The disk of this computer that holds its files is full; the guest&apos;s write waits, nothing is lost.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Make space, then resume the machine.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>A disk image could not be read or written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check the disk that holds the image, then resume to try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine “%1” cannot go on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Its processor met something that the accelerator cannot run. The details show the registers.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Reset the machine or power it off.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine “%1” has crashed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The guest&apos;s processor met a triple fault.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The name</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The guest type</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The base memory</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The number of processors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The video memory</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The file of a drive</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The port of a drive</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The list of drives</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The path of a serial port</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The number of a serial port</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The boot order</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The kernel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The initial RAM disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The kernel&apos;s command line</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The list of modules</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The address of the remote screen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The port of the remote screen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The password of the remote screen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The base memory must be between %1 and %2 MB.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There must be between 1 and %1 processors.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The video memory must be a power of two between 1 and 256 MB.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1 is outside the allowed range.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1 must not be empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1 is too long.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1 contains a character that is not allowed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1 is used twice.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1 was not found.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1 is not supported.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>MachineTreeModel</name>
    <message>
        <source>%1 — %2</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Select a machine to see its details.</source>
        <translation type="unfinished"></translation>
    </message>
    <message numerus="yes">
        <source>%n machine(s) selected</source>
        <translation type="unfinished">
            <numerusform></numerusform>
            <numerusform></numerusform>
        </translation>
    </message>
    <message>
        <source>Add a Machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Disks, images and exported settings (*.img *.raw *.dd *.iso *.json);;All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Connect to Remote Screen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Address of the VNC server, for example vnc://192.168.1.20:5900:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show Log</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>About Vivarium</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>A virtual machine manager with its own KVM engine.
Free software under the GNU General Public License, version 2 or later.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;File</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>S&amp;tart</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Sto&amp;p</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Help</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stop</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Shuts the selected machine down or cuts its power</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Tool Bar</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Details</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Logs</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>MediaFiles</name>
    <message>
        <source>Optical disk images (*.iso *.ISO *.img *.cdr);;All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Raw disk images (*.img *.raw *.dd);;All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>MiniToolbar</name>
    <message>
        <source>Menus</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Keep this bar open</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Minimize</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Leave full screen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Close</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>NamePage</name>
    <message>
        <source>Virtual Machine Name and Operating System</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a name, and the image of the installation disk or live system that the machine starts from.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose the Folder of the Machine</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose an Optical Disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>None: start from a disk, or choose one later</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Name:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Folder:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;ISO Image:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Type:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There is already a machine with this name.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Give the whole path, beginning with “/”.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This is a file, not a folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>You have no permission to write into this folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>It holds a folder with the machine&apos;s name that is not empty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The image is shorter than it says it is: the download may not be complete.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>A machine cannot start from this image; it holds only files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1, %2</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>NewMachineWizard</name>
    <message>
        <source>Create Virtual Machine</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>Notification</name>
    <message>
        <source>Show Details</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Hide Details</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Close</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>NotificationCenter</name>
    <message>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>PathField</name>
    <message>
        <source>Choose…</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>PreferencesDialog</name>
    <message>
        <source>Preferences</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>General</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Input</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Language</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose the Folder of New Machines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose the Folder of Disk Images</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose the Folder of Screenshots</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Ask what to do when the window of a running machine closes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Machine Folder:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Disk Image Folder:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Screenshot Folder:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Colours and light or dark appearance follow the desktop.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Capture the keyboard when a machine&apos;s window is used</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Shortcuts of the desktop such as Alt+Tab go to the guest then</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Host Key:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The host key gives mouse and keyboard back to this computer. Left Ctrl and Left Alt, pressed together, do so as well.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>As the desktop</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Language:</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>RemoteConsole</name>
    <message>
        <source>Connecting to %1…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Password</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Password of %1:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Connect Again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Close</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Not connected</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1 — Vivarium</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Screen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Connect &amp;Again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Close</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>SerialPortsPage</name>
    <message>
        <source>Port %1</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Enable serial port %1 (COM%1: %2)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Kept in memory; “viv serial” shows it and types into it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a File</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Port &amp;Mode:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Path:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Path of a Unix socket to make</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>SettingsDialogFrame</name>
    <message>
        <source>Sections</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>StoragePage</name>
    <message>
        <source>Attributes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Read-only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Storage Devices</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Add Hard Disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Create a New Disk…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose an Existing Disk…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a Hard Disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Add Optical Drive</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Leave Empty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a Disk File…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose an Optical Disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Remove</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Takes the drive out of the machine; its file stays</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>SATA Port %1</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Known disks, and removing the disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Remove Disk From Virtual Drive</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Port:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;File:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Size:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Controller: SATA</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Empty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The file is not there.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>SummaryPage</name>
    <message>
        <source>Summary</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The machine is made as follows.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1, pre-allocated</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>%1, dynamically allocated</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>None</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Name:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Folder:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Type:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>ISO Image:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Base Memory:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Processors:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Hard Disk:</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>SystemPage</name>
    <message>
        <source>Motherboard</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Processor</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Direct Boot</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source> MB</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Earlier</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Boot this device earlier</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Later</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Boot this device later</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Wait for the &amp;boot menu key</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>High precision event &amp;timer (HPET)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Hardware clock in &amp;local time (for Windows and DOS)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Base &amp;Memory:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>B&amp;oot Order:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Firmware:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Extended Features:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Exit device for test guests (isa-debug-exit)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Processors:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Acceleration:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Start a &amp;kernel directly, without firmware</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a Kernel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Linux, PVH or multiboot</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose an Initial RAM Disk</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>One file a line (multiboot only)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Kernel:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Initial RAM Disk:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Command Line:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Modules:</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UserInterfacePage</name>
    <message>
        <source>When the &amp;window closes:</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>WelcomePane</name>
    <message>
        <source>Welcome to Vivarium</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>There are no machines yet. “New” makes one from the image of an installation disk; “Add” takes a disk that you already have.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;New…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>&amp;Add…</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
