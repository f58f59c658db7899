/* Measures the error of every function in csrc/simd/math.h, and fails where a bound is exceeded.
 *
 *   gcc -std=gnu11 -O3 -ffp-contract=fast -fno-math-errno -fwrapv -Icsrc -DTK_VECTOR_BYTES=32
 *       -mavx2 -mfma tests/native/check_math.c -lm -o check_math
 *   ./check_math            every float32 there is (a minute a function), 4 million doubles
 *   ./check_math 61 exp     each 61st float32 only, of the functions whose name begins with exp
 *   ./check_math 1 exp 2 8  the second eighth of the float32s; the doubles are with the first
 *
 * float32 is compared with libm in double, float64 with libm in long double. The error is in units
 * in the last place of the exact result, but see size(); signs of zeros, infinities and NaNs must
 * match exactly.
 * The hash is of the result's bits: the same for AVX2 and AVX-512.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "simd/names.h"

static long double rsqrt_ref(long double x)
{
    return 1 / sqrtl(x);
}

static long double sigmoid_ref(long double x)
{
    return 1 / (1 + expl(-x));
}

static long double softplus_ref(long double x)
{
    return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x));
}

/* The gates in both precisions: at -inf, where x is infinite and the gate 0, they are -0. */
#define GATE(R, name, gate)                                                                    \
    static R name(R x)                                                                         \
    {                                                                                          \
        return x == -(R)INFINITY ? -(R)0 : x * (gate);                                         \
    }
#define GATES(R, suffix, silu, gelu_tanh)                                                      \
    GATE(R, silu, 1 / (1 + exp##suffix(-x)))                                                   \
    GATE(R, gelu_tanh,                                                                         \
         1 / (1 + exp##suffix(-x * (1.5957691216057307117597842397375L +                       \
                                    0.071354816272600248776338752279863541L * x * x))))
GATES(double, , silu, gelu_tanh)
GATES(long double, l, silul, gelu_tanhl)
GATE(double, gelu, erfc(x * -0.70710678118654752440084436210484903928) / 2)

/* the normal distribution; a is rounded, of which erfc(a) makes 2 a^2 times as much */
static long double normal(long double x)
{
    const long double root = -0.70710678118654752440084436210484903928L;
    long double a = x * root, rest = fmal(x, root, -a) + x * -1.895e-20L;
    return erfcl(a) / 2 * (a > 1 && a < 200 ? 1 - 2 * a * rest : 1);
}
GATE(long double, gelul, normal(x))

static double rsqrt(double x)
{
    return 1 / sqrt(x);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double softplus(double x)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

#define rsqrtl rsqrt_ref
#define sigmoidl sigmoid_ref
#define softplusl softplus_ref

/* name, largest error allowed in float32 and in float64 */
#define UNARY(X)                                                                               \
    X(floor, 0, 0) X(ceil, 0, 0) X(trunc, 0, 0) X(rint, 0, 0) X(sqrt, .5, .5)                  \
    X(rsqrt, 1.5, 1.5) X(exp, 1.5, 2) X(exp2, 1.5, 2) X(expm1, 1.5, 2) X(log, 1.5, 2)          \
    X(log2, 1.5, 2) X(log10, 1.5, 2) X(log1p, 1.5, 2) X(sin, 1.5, 2) X(cos, 1.5, 2)            \
    X(tan, 2.5, 2.5) X(tanh, 1.5, 2) X(sigmoid, 3, 2) X(softplus, 3, 3) X(erf, 1.5, 2) \
    X(gelu, 3, 2) X(gelu_tanh, 3, 2) X(silu, 3, 2)                                             \
    X(erfc, 1.5, 2.1) X(atan, 3, 2) X(asin, 3, 2) X(acos, 3, 2) X(sinh, 3, 3) X(cosh, 3, 3)        \
    X(asinh, 3, 3) X(acosh, 3, 3) X(atanh, 3, 3) X(lgamma, 2, TK_HAS_FMA ? 2 : 2.2)
#define BINARY(X) X(pow, 1.5, 2) X(atan2, 3, 2) X(fmod, 0, 0)

#define RUN1(name, bound32, bound64)                                                           \
    static void TK_FN(run_##name)(const T *x, const T *unused, T *out, int n)                  \
    {                                                                                          \
        (void)unused;                                                                          \
        for (int i = 0; i < n; i += W)                                                         \
            v_store(out + i, v_##name(v_load(x + i)));                                         \
    }
#define RUN2(name, bound32, bound64)                                                           \
    static void TK_FN(run_##name)(const T *x, const T *y, T *out, int n)                       \
    {                                                                                          \
        for (int i = 0; i < n; i += W)                                                         \
            v_store(out + i, v_##name(v_load(x + i), v_load(y + i)));                          \
    }

/* float64 before float32, which computes some functions in it */
#define TK_SUFFIX _f64
#define TK_SCALAR double
#define TK_SIGNED int64_t
#include "simd/vec.h"
#include "simd/math.h"
UNARY(RUN1)
BINARY(RUN2)
#undef TK_SUFFIX
#undef TK_SCALAR
#undef TK_SIGNED
#define TK_SUFFIX _f32
#define TK_SCALAR float
#define TK_SIGNED int32_t
#include "simd/vec.h"
#include "simd/math.h"
UNARY(RUN1)
BINARY(RUN2)

typedef struct {
    const char *name;
    double bound32, bound64;
    void (*run32)(const float *, const float *, float *, int);
    void (*run64)(const double *, const double *, double *, int);
    double (*ref1)(double);
    double (*ref2)(double, double);
    long double (*ref1l)(long double);
    long double (*ref2l)(long double, long double);
} Function;

#define ROW(name, b32, b64) #name, b32, b64, run_##name##_f32, run_##name##_f64
#define ROW1(name, b32, b64) {ROW(name, b32, b64), name, 0, name##l, 0},
#define ROW2(name, b32, b64) {ROW(name, b32, b64), 0, name, 0, name##l},
static const Function functions[] = {UNARY(ROW1) BINARY(ROW2)};

#define N 4096 /* samples at a time: three arrays stay in L1 and L2 */

typedef struct {
    double worst, at, at2, got, want;
    uint64_t hash, wrong;
} Report;

/* The number in whose last place the error of a double counts: below -1, where it is the difference
 * of two terms, that of lgamma is as large as one of a larger term, or of 1. */
static long double size(const Function *f, double x, long double want)
{
    if (f->ref1l != lgammal || !(x < -1) || isinf(want))
        return want;
    return fmaxl(fmaxl(fabsl(want), fabsl(lgammal(-x))), 1);
}

/* Distance of got from want in units in the last place of `of` in a format with `digits` bits, in
 * which 2^least is the smallest subnormal and 2^most the first number too big. */
static double ulps(long double got, long double want, long double of, int digits, int least,
                   int most)
{
    if (isnan(got) || isnan(want))
        return isnan(got) && isnan(want) ? 0 : INFINITY;
    if (got == 0 && want == 0)
        return !signbit(got) == !signbit(want) ? 0 : INFINITY;
    if (isinf(want) && isinf(got))
        return got == want ? 0 : INFINITY;
    const long double top = ldexpl(1, most); /* where infinity lies, seen from finite numbers */
    if (fabsl(got) > top)
        got = copysignl(top, got);
    if (fabsl(want) > top)
        want = copysignl(top, want);
    if (got == 0 && !signbit(got) != !signbit(want))
        return INFINITY;
    int e;
    frexpl(fabsl(of) > top ? top : of, &e);
    e = e > most ? most - digits : e - digits;
    return (double)ldexpl(fabsl(got - want), -(e < least ? least : e));
}

static void note(Report *r, double error, double x, double y, double got, double want)
{
    r->wrong += isinf(error);
    if (!(error <= r->worst)) {
        r->worst = error;
        r->at = x;
        r->at2 = y;
        r->got = got;
        r->want = want;
    }
}

static uint64_t mix(uint64_t h, uint64_t bits)
{
    return (h ^ bits) * 0x9E3779B97F4A7C15u + (h >> 29);
}

static uint64_t state;

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t random_bits(void)
{
    uint64_t z = state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static double uniform(double a, double b)
{
    return a + (b - a) * (double)(random_bits() >> 11) * 0x1p-53;
}

static const double special[] = {0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, INFINITY,
    -INFINITY, NAN, 0x1p-149, -0x1p-149, 0x1p-126, 0x1.fffffep127, -0x1.fffffep127, 0x1p-1074,
    0x1p-1022, -0x1p-1022, 0x1.fffffffffffffp1023, -0x1.fffffffffffffp1023, 1e-20, -1e-20, 1e20,
    -1e20, 0x1.fffffep-1, 0x1.000002p0, 0x1.fffffffffffffp-1, 0x1.0000000000001p0, 16777217.0,
    8388609.0, -8388609.0, 4503599627370497.0, -4503599627370497.0, 2.5, -2.5, 1.5, -1.5,
    9007199254740993.0, 1e300, -1e300, 709.78, -745.13, 88.72, -103.97};
#define SPECIALS ((int)(sizeof special / sizeof *special))

/* A number from one of the regions in which functions change their ways. */
static double sample(int digits, int most)
{
    double x;
    uint64_t bits = random_bits();
    switch (bits % 12) {
    case 0: return special[random_bits() % SPECIALS];
    case 1: x = uniform(-1, 1); break;
    case 2: x = uniform(-10, 10); break;
    case 3: x = uniform(-40, 40); break;
    case 4: x = uniform(-760, 760); break;
    case 5: x = 1 + ldexp(uniform(-1, 1), -(int)(random_bits() % (unsigned)digits)); break;
    case 6: x = ldexp(uniform(-1, 1), -(int)(random_bits() % (unsigned)(most + digits))); break;
    case 7: x = ldexp(uniform(-1, 1), (int)(random_bits() % (unsigned)most)); break;
    case 8: x = ldexp(uniform(-1, 1), (int)(random_bits() % 24)); break;
    case 9: x = -1 + ldexp(uniform(0, 1), -(int)(random_bits() % (unsigned)digits)); break;
    case 10: x = rint(uniform(-30, 30)); break;
    default: x = ldexp(uniform(-1, 1), -(int)(random_bits() % 64)); break;
    }
    return x;
}

/* every step-th float32 of one of so many parts of them */
static Report check32(const Function *f, uint64_t step, uint64_t part, uint64_t parts)
{
    static float x[N], y[N], out[N];
    Report r = {-1, 0, 0, 0, 0, 0, 0};
    const uint64_t all = f->ref1 ? UINT64_C(1) << 32 : 400 * (UINT64_C(1) << 20);
    const uint64_t count = all / step / parts;
    for (uint64_t done = count * (part - 1); done < count * part; done += N) {
        for (int i = 0; i < N; i++) {
            uint32_t bits = (uint32_t)((done + (uint64_t)i) * step);
            if (f->ref1) {
                memcpy(x + i, &bits, 4);
            } else {
                x[i] = (float)sample(24, 128);
                y[i] = (float)sample(24, 128);
            }
        }
        f->run32(x, y, out, N);
        for (int i = 0; i < N; i++) {
            double want = f->ref1 ? f->ref1(x[i]) : f->ref2(x[i], y[i]);
            uint32_t bits;
            memcpy(&bits, out + i, 4);
            r.hash = mix(r.hash, isnan(out[i]) ? 0x7fc00000u : bits);
            /* a difference below half a unit needs no careful measure, except at the ends */
            double near = fabs((double)out[i] - want);
            if (want != 0 && near <= 0x1p-25 * fabs(want) && fabs(want) < 0x1p127)
                continue;
            note(&r, ulps(out[i], want, want, 24, -149, 128), x[i], y[i], out[i], want);
        }
    }
    return r;
}

static Report check64(const Function *f, uint64_t count)
{
    static double x[N], y[N], out[N];
    Report r = {-1, 0, 0, 0, 0, 0, 0};
    for (uint64_t done = 0; done < count; done += N) {
        for (int i = 0; i < N; i++) {
            x[i] = sample(53, 1024);
            y[i] = sample(53, 1024);
        }
        f->run64(x, y, out, N);
        for (int i = 0; i < N; i++) {
            long double want = f->ref1l ? f->ref1l(x[i]) : f->ref2l(x[i], y[i]);
            uint64_t bits;
            memcpy(&bits, out + i, 8);
            r.hash = mix(r.hash, isnan(out[i]) ? 0x7ff8u : bits);
            note(&r, ulps(out[i], want, size(f, x[i], want), 53, -1074, 1024), x[i], y[i], out[i],
                 (double)want);
        }
    }
    return r;
}

static bool print(const char *name, const char *type, const Function *f, Report r, double bound)
{
    bool good = r.worst <= bound;
    printf("%-9s %s %9.4f %016llx  at %a", name, type, r.worst < 0 ? 0 : r.worst,
           (unsigned long long)r.hash, r.at);
    if (f->ref2)
        printf(", %a", r.at2);
    if (!good)
        printf("  FAIL: %a, not %a; %llu wrong in kind", r.got, r.want,
               (unsigned long long)r.wrong);
    printf("\n");
    fflush(stdout);
    return good;
}

int main(int argc, char **argv)
{
    uint64_t step = argc > 1 ? strtoull(argv[1], 0, 10) : 1;
    const char *prefix = argc > 2 ? argv[2] : "";
    uint64_t part = argc > 4 ? strtoull(argv[3], 0, 10) : 1;
    uint64_t parts = argc > 4 ? strtoull(argv[4], 0, 10) : 1;
    bool good = true;
    if (step < 1 || part < 1 || part > parts)
        return 2;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        const Function *f = functions + i;
        if (strncmp(f->name, prefix, strlen(prefix)))
            continue;
        state = part;
        good &= print(f->name, "float32", f, check32(f, step, part, parts), f->bound32);
        if (part == 1)
            good &= print(f->name, "float64", f, check64(f, 4000000 / (step < 10 ? 1 : 4)),
                          f->bound64);
    }
    return good ? 0 : 1;
}
