/* What the processor can do at most: fused multiply-adds in registers, and copies of memory. Built
 * and called by limits.py. Each function repeats its work and returns nothing worth having. */
#include <immintrin.h>
#include <stddef.h>
#include <string.h>

enum { CHAINS = 12 }; /* independent sums: latency times width is 8 to 10, registers are 16 */

/* CHAINS multiply-adds of whole registers a round. */
#define PEAK(name, isa, type, bytes)                                                               \
    __attribute__((target(isa))) type name(long rounds)                                            \
    {                                                                                              \
        typedef type V __attribute__((vector_size(bytes)));                                        \
        V sum[CHAINS] = {{0}}, a = (V){0} + (type)0.5, total = {0};                                \
        for (long r = 0; r < rounds; r++)                                                          \
            _Pragma("GCC unroll 16") /* or the sums stand in memory */                             \
            for (int i = 0; i < CHAINS; i++) {                                                     \
                sum[i] = sum[i] * a + a;                                                           \
                __asm__ volatile("" : "+x"(sum[i])); /* no round is left out */                    \
            }                                                                                      \
        _Pragma("GCC unroll 16")                                                                   \
        for (int i = 0; i < CHAINS; i++)                                                           \
            total += sum[i];                                                                       \
        return total[0];                                                                           \
    }
PEAK(fma_base_f32, "sse2", float, 16)
PEAK(fma_base_f64, "sse2", double, 16)
PEAK(fma_avx2_f32, "avx2,fma", float, 32)
PEAK(fma_avx2_f64, "avx2,fma", double, 32)
PEAK(fma_avx512_f32, "avx512f", float, 64)
PEAK(fma_avx512_f64, "avx512f", double, 64)

/* The library's copy, which may go around the caches ... */
void copy_library(char *to, const char *from, size_t bytes, long rounds)
{
    for (; rounds > 0; rounds--) {
        memcpy(to, from, bytes);
        __asm__ volatile("" : : "r"(to) : "memory");
    }
}

/* ... loads and stores of 32 bytes, as a kernel does them; whatever does not fill 128 is left ... */
__attribute__((target("avx2"))) void copy_loop(char *to, const char *from, size_t bytes,
                                               long rounds)
{
    typedef long long V __attribute__((vector_size(32), aligned(1)));
    for (; rounds > 0; rounds--)
        for (size_t i = 0; i + 128 <= bytes; i += 128) {
            V a = *(const V *)(from + i), b = *(const V *)(from + i + 32);
            V c = *(const V *)(from + i + 64), d = *(const V *)(from + i + 96);
            *(V *)(to + i) = a;
            *(V *)(to + i + 32) = b;
            *(V *)(to + i + 64) = c;
            *(V *)(to + i + 96) = d;
            __asm__ volatile("" : : : "memory");
        }
}

/* ... and stores that go around the caches. `to` is aligned. */
__attribute__((target("avx2"))) void copy_stream(char *to, const char *from, size_t bytes,
                                                 long rounds)
{
    for (; rounds > 0; rounds--) {
        for (size_t i = 0; i + 128 <= bytes; i += 128)
            for (size_t k = 0; k < 128; k += 32)
                _mm256_stream_si256((__m256i *)(to + i + k),
                                    _mm256_loadu_si256((const __m256i *)(from + i + k)));
        _mm_sfence();
    }
}

/* Reading alone: four sums of 32 bytes. */
__attribute__((target("avx2"))) void read_loop(const char *from, size_t bytes, long rounds)
{
    for (; rounds > 0; rounds--) {
        __m256i sum[4] = {{0}};
        for (size_t i = 0; i + 128 <= bytes; i += 128)
            _Pragma("GCC unroll 4") /* or the sums stand in memory */
            for (int k = 0; k < 4; k++)
                sum[k] = _mm256_add_epi32(sum[k],
                                          _mm256_loadu_si256((const __m256i *)(from + i + 32 * k)));
        __asm__ volatile("" : : "x"(sum[0]), "x"(sum[1]), "x"(sum[2]), "x"(sum[3]) : "memory");
    }
}
