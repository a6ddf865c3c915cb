// What compilers want to be told, each in its own words. Nothing here changes what a program does.
#pragma once

#if defined(__GNUC__)
/// A function that a usual message never enters: kept out of those that it does, which then save fewer registers.
#  define ARTEL_COLD [[gnu::cold, gnu::noinline]]
#else
#  define ARTEL_COLD
#endif
