#include "tests/support/test_main.h"

#ifdef QT_WIDGETS_LIB
#include <QApplication>
using Application = QApplication;
#else
#include <QCoreApplication>
using Application = QCoreApplication;
#endif
#include <QTest>

#include <cstdio>
#include <cstring>
#include <vector>

namespace vivarium::test {

static std::vector<TestClass>& classes() {
    static std::vector<TestClass> list; // filled before main, read in main
    return list;
}

bool registerTest(TestClass testClass) {
    classes().push_back(std::move(testClass));
    return true;
}

} // namespace vivarium::test

int main(int argc, char** argv) {
    Application application(argc, argv);
    const char* wanted = argc > 1 && argv[1][0] != '-' ? argv[1] : nullptr;
    QStringList arguments{QString::fromLocal8Bit(argv[0])};
    for (int i = wanted ? 2 : 1; i < argc; ++i)
        arguments << QString::fromLocal8Bit(argv[i]);

    int failures = 0;
    bool ran = false;
    for (const auto& testClass : vivarium::test::classes()) {
        if (wanted && testClass.name != wanted)
            continue;
        ran = true;
        failures += QTest::qExec(testClass.make().get(), arguments);
    }
    if (!ran) {
        std::fprintf(stderr, "no test class named %s\n", wanted ? wanted : "(any)");
        return 1;
    }
    return failures > 127 ? 127 : failures;
}
