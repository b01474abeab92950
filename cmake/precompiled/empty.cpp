// Carries the precompiled headers of a layer (cmake/VivariumPrecompiled.cmake).
