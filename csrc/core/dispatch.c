/* The kernel tables of each instruction set, and the choice between them. */
#include <string.h>

#include "core.h"
#include "tape.h"

/* Each units/NAME.c, compiled for an instruction set, defines a table of its own kernels, in which the
 * rows of other units are empty. Together they are complete by construction: a row of kernels.def
 * without a body does not compile. */
typedef tk_task *const unit_table[TK_NUM_DTYPES];
#define UNITS(DO, isa) \
    DO(tk_elementwise_##isa) \
    DO(tk_lines_##isa) DO(tk_products_##isa) DO(tk_movement_##isa) DO(tk_training_##isa)
#define DECLARE(name) extern unit_table name[TK_NUM_KERNELS];
#define LISTED(name) name,
UNITS(DECLARE, base)
#ifdef __x86_64__
UNITS(DECLARE, avx2)
UNITS(DECLARE, avx512)
#endif

enum { NUM_UNITS = 5 };

static const struct {
    const char *name;
    unit_table *units[NUM_UNITS];
    int vector_bytes;
} built[] = {
    {"base", {UNITS(LISTED, base)}, 16},
#ifdef __x86_64__
    {"avx2", {UNITS(LISTED, avx2)}, 32},
    {"avx512", {UNITS(LISTED, avx512)}, 64},
#endif
};
enum { NUM_BUILT = sizeof built / sizeof *built };

static tk_task *table[TK_NUM_KERNELS][TK_NUM_DTYPES]; /* of the instruction set chosen */
static const char *chosen;
static int vector_bytes;

enum {
    FLOAT = 1 << TK_F32 | 1 << TK_F64,
    INT = 1 << TK_I64 | 1 << TK_I32 | 1 << TK_U8,
    NUM = FLOAT | INT,
    ALL = NUM | 1 << TK_BOOL,
    LOGIC = INT | 1 << TK_BOOL,
    BOOL = 1 << TK_BOOL
};

const tk_kernel_row tk_kernels[TK_NUM_KERNELS] = {
#define KERNEL(name, family, dtypes, result) {#name, TK_FAMILY_##family, dtypes, TK_RESULT_##result},
#include "../kernels.def"
#undef KERNEL
};

static const char *const family_names[TK_NUM_FAMILIES] = {
#define FAMILY(name, text) text,
#include "families.def"
#undef FAMILY
};

int tk_isa_supported(const char *isa)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (strcmp(isa, "avx512") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    if (strcmp(isa, "avx2") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return strcmp(isa, "base") == 0;
}

const char *tk_isa_built(void)
{
#ifdef __x86_64__
    return "base avx2 avx512";
#else
    return "base";
#endif
}

int tk_init(const char *isa)
{
    if (tk_pool_init()) {
        tk_fail(TK_VALUE_ERROR, "%s", tk_threads_reason());
        return -1;
    }
    return tk_choose_isa(isa);
}

static void choose_kernels(unit_table *const units[])
{
    for (int unit = 0; unit < NUM_UNITS; unit++)
        for (int kernel = 0; kernel < TK_NUM_KERNELS; kernel++)
            for (int dtype = 0; dtype < TK_NUM_DTYPES; dtype++)
                if (units[unit][kernel][dtype])
                    table[kernel][dtype] = units[unit][kernel][dtype];
}

int tk_choose_isa(const char *isa)
{
    for (int i = NUM_BUILT - 1; i >= 0; i--) {
        int wanted = isa ? strcmp(isa, built[i].name) == 0 : tk_isa_supported(built[i].name);
        if (!wanted)
            continue;
        if (!tk_isa_supported(built[i].name)) {
            tk_fail(TK_VALUE_ERROR, "TK_ISA: this processor does not support %s", isa);
            return -1;
        }
        choose_kernels(built[i].units);
        chosen = built[i].name;
        vector_bytes = built[i].vector_bytes;
        return 0;
    }
    tk_fail(TK_VALUE_ERROR, "TK_ISA: unknown instruction set %s; built are %s", isa ? isa : "",
            tk_isa_built());
    return -1;
}

const char *tk_isa(void)
{
    return chosen;
}

int tk_vector_bytes(void)
{
    return vector_bytes;
}

const char *tk_compiler(void)
{
    return
#ifdef __clang__
        "clang " __clang_version__;
#else
        "gcc " __VERSION__;
#endif
}

int tk_kernel_count(void)
{
    return TK_NUM_KERNELS;
}

const char *tk_kernel_name(int kernel)
{
    return kernel >= 0 && kernel < TK_NUM_KERNELS ? tk_kernels[kernel].name : "";
}

int tk_map_arity(int kernel)
{
    static const int arities[] = {[TK_FAMILY_MAP1] = 1, [TK_FAMILY_MAP2] = 2, [TK_FAMILY_MAP3] = 3,
                                  [TK_FAMILY_WHERE] = 3, [TK_FAMILY_CAST] = 1};
    const unsigned count = sizeof arities / sizeof *arities;
    if (kernel < 0 || kernel >= TK_NUM_KERNELS || tk_kernels[kernel].family >= count)
        return 0;
    return arities[tk_kernels[kernel].family];
}

const char *tk_kernel_family(int kernel)
{
    return kernel >= 0 && kernel < TK_NUM_KERNELS ? family_names[tk_kernels[kernel].family] : "";
}

int tk_kernel_dtypes(int kernel)
{
    return kernel >= 0 && kernel < TK_NUM_KERNELS ? tk_kernels[kernel].dtypes : 0;
}

int tk_check_kernel(int kernel, tk_family family)
{
    if (kernel >= 0 && kernel < TK_NUM_KERNELS && tk_kernels[kernel].family == family)
        return 0;
    tk_fail(TK_RUNTIME_ERROR, "kernel %d is not of the family %s", kernel, family_names[family]);
    return -1;
}

int tk_compute_dtype(int kernel, int dtype)
{
    int have = tk_kernels[kernel].dtypes;
    if (have >> dtype & 1)
        return dtype;
    if (have == FLOAT)
        return TK_F32; /* integers and bools go to the default floating type */
    tk_fail(TK_DTYPE_ERROR, "%s: not defined for %s", tk_kernels[kernel].name,
            tk_dtype_names[dtype]);
    return -1;
}

int tk_result_dtype(int kernel, int compute_dtype)
{
    switch (tk_kernels[kernel].result) {
    case TK_RESULT_SAME:
        return compute_dtype;
    case TK_RESULT_SUM:
        return tk_is_float(compute_dtype) ? compute_dtype : TK_I64;
    case TK_RESULT_BOOL:
        return TK_BOOL;
    case TK_RESULT_F32:
        return TK_F32;
    case TK_RESULT_F64:
        return TK_F64;
    case TK_RESULT_I32:
        return TK_I32;
    case TK_RESULT_U8:
        return TK_U8;
    default:
        return TK_I64;
    }
}

tk_task *tk_kernel_task(int kernel, int dtype)
{
    return table[kernel][dtype];
}

_Thread_local void (*tk_before_long)(void);

void tk_run(int kernel, int dtype, const void *work, int64_t units, int64_t grain)
{
    if (units <= 0)
        return;
    if (__builtin_expect(tk_tapes > 0, 0))
        tk_tape_launch_note(kernel, dtype, work, units, grain);
    if (units >= grain && tk_before_long) /* a grain takes microseconds */
        tk_before_long();
    tk_parallel(table[kernel][dtype], work, units, grain);
}
