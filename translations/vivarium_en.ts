<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>SnapshotText</name>
    <message numerus="yes">
        <source>%n minute(s) ago</source>
        <translation>
            <numerusform>%n minute ago</numerusform>
            <numerusform>%n minutes ago</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n hour(s) ago</source>
        <translation>
            <numerusform>%n hour ago</numerusform>
            <numerusform>%n hours ago</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n day(s) ago</source>
        <translation>
            <numerusform>%n day ago</numerusform>
            <numerusform>%n days ago</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1 of memory, %n processor(s)</source>
        <translation>
            <numerusform>%1 of memory, %n processor</numerusform>
            <numerusform>%1 of memory, %n processors</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>vivarium::ConsoleFrame</name>
    <message numerus="yes">
        <source>Typing %n character(s) from the clipboard</source>
        <translation>
            <numerusform>Typing %n character from the clipboard</numerusform>
            <numerusform>Typing %n characters from the clipboard</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>vivarium::HardwarePage</name>
    <message numerus="yes">
        <source>This computer has %n processor(s); more make the machine slower.</source>
        <translation>
            <numerusform>This computer has %n processor; more make the machine slower.</numerusform>
            <numerusform>This computer has %n processors; more make the machine slower.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>vivarium::MachineOperations</name>
    <message numerus="yes">
        <source>%n machine(s) were removed.</source>
        <translation>
            <numerusform>%n machine was removed.</numerusform>
            <numerusform>%n machines were removed.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>vivarium::MachinePrompts</name>
    <message numerus="yes">
        <source>Remove %n machine(s) from the list?</source>
        <translation>
            <numerusform>Remove %n machine from the list?</numerusform>
            <numerusform>Remove %n machines from the list?</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>vivarium::MainWindow</name>
    <message numerus="yes">
        <source>%n machine(s) selected</source>
        <translation>
            <numerusform>%n machine selected</numerusform>
            <numerusform>%n machines selected</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>vivarium::TimelineBar</name>
    <message numerus="yes">
        <source>While the machine runs, a snapshot is taken every %n minute(s).</source>
        <translation>
            <numerusform>While the machine runs, a snapshot is taken every minute.</numerusform>
            <numerusform>While the machine runs, a snapshot is taken every %n minutes.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>vivarium::TimelineDialog</name>
    <message numerus="yes">
        <source>At most about %n automatic snapshot(s) at a time; your own stay.</source>
        <translation>
            <numerusform>At most about %n automatic snapshot at a time; your own stay.</numerusform>
            <numerusform>At most about %n automatic snapshots at a time; your own stay.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source> minute(s)</source>
        <comment>after a number</comment>
        <translation>
            <numerusform> minute</numerusform>
            <numerusform> minutes</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source> hour(s)</source>
        <comment>after a number</comment>
        <translation>
            <numerusform> hour</numerusform>
            <numerusform> hours</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source> day(s)</source>
        <comment>after a number</comment>
        <translation>
            <numerusform> day</numerusform>
            <numerusform> days</numerusform>
        </translation>
    </message>
</context>
</TS>
