/* What this processor does better than others, looked up when the library is loaded: what is computed
 * does not depend on it. */
#include "core.h"
#ifdef __x86_64__
#include <cpuid.h>
#include <string.h>
#endif

/* Of kernels/move.h. On AMD's family 26 (Zen 5) copies by string instructions take 0.6 to 0.8 of a
 * loop's time from 16 KiB on, whether in the first cache that holds them or in none; on family 25
 * (Zen 4) 1.5 to 10 times a loop's. */
int tk_string_moves;

#ifdef __x86_64__
__attribute__((constructor)) static void look_at_processor(void)
{
    unsigned highest, signature, rest[3], vendor[3];
    if (!__get_cpuid(0, &highest, &vendor[0], &vendor[2], &vendor[1]) ||
        memcmp(vendor, "AuthenticAMD", sizeof vendor) != 0 ||
        !__get_cpuid(1, &signature, &rest[0], &rest[1], &rest[2]))
        return;
    unsigned family = signature >> 8 & 15;
    family += family == 15 ? signature >> 20 & 255 : 0;
    tk_string_moves = family >= 26;
}
#endif
