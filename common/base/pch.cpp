// The precompiled header needs a translation unit; this is it.
