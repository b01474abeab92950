#pragma once

// One program holds a folder's test classes; each class is registered where it is defined:
//     VIVARIUM_TEST(PortBusTest)
//     #include "port_bus_test.moc"
// `program` runs all classes, `program Class [Qt Test options]` one of them. GUI tests get a
// QApplication when the program links Qt Widgets, the others a QCoreApplication.

#include <QObject>

#include <functional>
#include <memory>
#include <string>

namespace vivarium::test {

struct TestClass {
    std::string name;
    std::function<std::unique_ptr<QObject>()> make;
};

// Adds a class to the program's list; called by VIVARIUM_TEST before main.
bool registerTest(TestClass testClass);

} // namespace vivarium::test

#define VIVARIUM_TEST(Class)                                                                       \
    static const bool registered##Class = vivarium::test::registerTest(                            \
        {#Class, [] { return std::unique_ptr<QObject>(std::make_unique<Class>()); }});
