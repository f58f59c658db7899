/* The work descriptions that doors make and kernels read, one struct a family.
 *
 * A kernel has the type of a pool task, void f(const void *work, int64_t lo, int64_t hi): it does
 * units [lo, hi) of its family's work. A unit is the smallest independent piece of the output, so
 * any split of the units over threads gives the same bits.
 */
#ifndef TK_WORK_H
#define TK_WORK_H

#include <stdint.h>

#include "../tk.h"

/* Whether instructions for strings move many bytes faster than a loop; core/processor.c looks. */
extern int tk_string_moves;

enum { TK_MAP_OPERANDS = 4 };

/* Elementwise: operand 0 is the output. Dimensions are merged where every operand allows it, so a
 * contiguous launch has one. A unit is one element of the iteration space, in row-major order. */
typedef struct tk_map_work {
    char *data[TK_MAP_OPERANDS];
    double p, q; /* scalar parameters of the kernel: a slope, the two ends of a clamp */
    int32_t ndim;
    int32_t streams; /* the output is too large to be found in the cache again: stores go past it */
    int64_t size[TK_MAX_NDIM];
    int64_t stride[TK_MAP_OPERANDS][TK_MAX_NDIM]; /* bytes; 0 where the operand is expanded */
} tk_map_work;

/* Some of a tensor's dimensions, merged where they lie behind each other; at least one. */
typedef struct tk_dims {
    int32_t n;
    int64_t size[TK_MAX_NDIM], stride[TK_MAX_NDIM]; /* bytes */
} tk_dims;

/* Bytes of accumulators that one unit takes from one line: 64 for each of 256 bytes of lanes, so
 * that a lane makes at most 64 additions before the pairwise tree. Half of a 32 KiB L1. */
#define TK_CHUNK_BYTES 16384
/* Rows that one unit takes from a column: 64 groups of 8, for the same reason. Where positions are found,
 * which are no sums, so many that most groups of rows hold no new extreme. */
#define TK_CHUNK_ROWS 512
#define TK_FOUND_ROWS 4096
#define TK_MOMENTS_BYTES 24 /* what var's phases hand on of a chunk */

/* Reduction, in phases: each shortens every output's line of `length` elements to `chunks` partial
 * results, until one is left. A unit is one partial result: chunk c of output k. */
typedef struct tk_reduce_work {
    const char *in;
    char *out;                /* lines: [outputs][chunks]; columns: [chunks][outputs] */
    const char *pivot;        /* a value for each output, subtracted from its elements, or NULL */
    const int64_t *in_index;  /* [outputs][length]: where in the tensor these candidates stood */
    int64_t *out_index;
    double p;
    int64_t outputs, length, chunk, chunks;
    int32_t columns, phase, last;
    int32_t cold; /* the input is too large to be found in the cache */
    tk_dims kept, reduced;
} tk_reduce_work;

/* Bytes of accumulators from which on a row of columns is worth its own loop; of var's, which has
 * more of them and walks them twice; and, where positions are found, the columns from which on it
 * is. */
#define TK_FOLDED_BYTES 2048
#define TK_SPREAD_BYTES 512
#define TK_FOUND_COLUMNS 128

/* How many rows of columns, of so many in a chunk, are taken as one long row of `least` bytes: those that
 * lie behind each other and are shorter; 1 where they are not. A power of 2, of which there are 4 long
 * rows at least. */
static inline int64_t tk_rows_folded(const tk_reduce_work *w, int64_t in_size, int64_t size,
                                     int64_t rows, int64_t least)
{
    const int inner = w->kept.n - 1;
    const int64_t n = w->kept.size[inner];
    int64_t fold = 1;
    if (!w->columns || w->reduced.n > 1 || w->kept.stride[inner] != in_size ||
        w->reduced.stride[0] != n * in_size)
        return 1;
    while (fold * n * size < least && rows >= 8 * fold)
        fold *= 2;
    return fold;
}

/* Lines along one dimension of contiguous tensors of the shape [outer][length][inner]; a unit is a
 * line. Those of one outer index lie side by side. */
enum { TK_SHORT_BYTES = 512 }; /* lines up to this are held in registers */
typedef struct tk_rows_work {
    const char *in[2]; /* the second is the first where an op has but one */
    char *out;
    int64_t length, inner;
    int32_t streams; /* as that of a map */
} tk_rows_work;

/* Whether lines across each other stay in the second cache until the last row is read; they are stored
 * as one where they are shorter still. */
enum { TK_CLOSE_ROWS = 256, TK_CLOSE_BYTES = 65536, TK_JOINED_BYTES = 16384 };
static inline int tk_are_close(const tk_rows_work *w, int64_t size)
{
    return w->length <= TK_CLOSE_ROWS && w->length * w->inner * size <= TK_CLOSE_BYTES;
}

/* The output (operand 0) and the input (1), both without the dimension that is scanned. A unit is a
 * line along it. */
typedef struct tk_scan_work {
    tk_map_work rest;
    int64_t length, dim_step[2]; /* bytes along the dimension, of output and input */
    int32_t reverse;
} tk_scan_work;

/* Running extremes along one dimension of contiguous [outer][length][inner], and where in the line each
 * was last met. A unit is a line. */
typedef struct tk_extreme_work {
    const char *in;
    char *out;
    int64_t *index;
    int64_t length, inner;
} tk_extreme_work;

/* Lines of a few elements: some of them are turned to columns. */
enum { TK_SHORT_LINE = 32 };

/* Layer normalisation of contiguous [rows][length]. A unit is a row; backward, TK_NORM_ROWS rows
 * and their sums for the gradients of weight and bias, or TK_SHORT_NORM_ROWS short ones. Of groups `groups`
 * rows are a sample; weight and bias are [groups][length], and backward a unit is a group of so many
 * samples. Or, where channels are long, a row is `channels` of them; weight and bias are
 * [groups][channels], and a unit is always a row. Where these channels lie side by side, in
 * [rows / groups][length / channels][groups][channels], a unit is `columns` groups of a sample. */
enum { TK_NORM_ROWS = 32, TK_SHORT_NORM_ROWS = 512 }; /* the sums are little beside the gradient, and */
typedef struct tk_norm_work {                         /* a short chain each */
    const char *x, *gradient, *weight, *bias; /* weight and bias: as above, or NULL */
    char *out;                                /* the result, or the gradient of x */
    char *mean, *rstd;                        /* [rows]; written forward, read backward; a mean of */
                                              /* NULL is 0: the norm is the root mean square */
    char *dweight, *dbias;                    /* [units][length], of channels [rows][channels]; or NULL */
    double eps;
    int64_t rows, length, channels, groups; /* the last two 0 but for groups */
    int64_t columns;                        /* 0 but where channels lie side by side */
    int32_t streams;                        /* as that of a map */
} tk_norm_work;

/* Whether its rows are turned to columns. */
static inline int tk_are_short_rows(const tk_norm_work *w)
{
    return w->length <= TK_SHORT_LINE && w->groups <= 1 && !w->channels;
}

/* Of a sample's groups side by side, how many units they are. */
static inline int64_t tk_column_parts(const tk_norm_work *w)
{
    return (w->groups + w->columns - 1) / w->columns;
}

/* Batch normalisation of [length / each][channels][each] where `channels` is not 0, else of channels that
 * begin `apart` elements apart and lie in `pieces` equal pieces, `step` elements apart. A unit is a channel. */
typedef struct tk_batch_work {
    const char *x, *gradient, *weight, *bias; /* weight and bias: [channels] or NULL */
    char *out;                                /* the result, or the gradient of x */
    char *mean, *variance;                    /* [channels]; written forward, read backward */
    char *running_mean, *running_var;         /* [channels] or NULL: moved by momentum */
    char *dweight, *dbias;                    /* [channels] */
    double eps, momentum;
    int64_t length, channels, each, apart, pieces, step; /* length: elements of a channel */
    int32_t streams, frozen; /* as that of a map; whether mean and variance are given constants */
} tk_batch_work;

/* A list of n contiguous tensors of one dtype. A unit is one element of their concatenation, for
 * total_norm a chunk of TK_NORM_CHUNK elements of one tensor. */
enum { TK_NORM_CHUNK = 1024 }; /* elements: a staging buffer of 8 KiB in double */
typedef struct tk_list_work {
    int32_t n;
    const int64_t *start; /* n + 1: the first unit of each tensor, then how many there are */
    const int64_t *numel; /* n */
    char *const *data[5]; /* parameters, gradients, three states; NULL entries: unused states */
    const double *hyper;  /* optimizers: by TK_HYPER_*; clamp_all: both ends; total_norm: p */
    const char *factor;   /* scale_all: one element of the tensors' dtype */
    double *partial;      /* total_norm: the sum or maximum of each chunk */
    int32_t counts;       /* optimizers: the first launch of a step, before which it is counted */
} tk_list_work;

/* What total_norm found in its chunks, put together. One unit. */
typedef struct tk_combine_work {
    const double *partial;
    char *out; /* one element */
    int64_t n;
    double p;
} tk_combine_work;

/* Random numbers into operand 0 of the map. A unit is a group of 64 random words (simd/philox.h) and
 * the 64 or 32 elements made of it; randperm is one unit, its output contiguous. */
typedef struct tk_random_work {
    tk_map_work map;
    int64_t numel;
    uint64_t seed;
    uint64_t offset; /* the group of unit 0 */
    double p, q;     /* uniform: both ends; normal: mean, standard deviation; exponential: rate */
    uint64_t limit;  /* bernoulli, dropout_mask: p 2^32; randint: how many integers, low and on */
    int64_t low;
    tk_generator *generator; /* where seed and offset come from, and how many groups were taken; */
    int64_t groups;          /* for those who run the work again */
} tk_random_work;

/* A contiguous tensor inside a larger one (or shifted, or cut off, in one of the same size), and what
 * stands around it: one value, its border, its mirror image, or the tensor again and again. A unit is
 * an element of the result. */
typedef struct tk_extend_work {
    char *out;
    const char *in;
    char value[8]; /* an element */
    int32_t mode, ndim, streams; /* the last as that of a map */
    int64_t size[TK_MAX_NDIM], from[TK_MAX_NDIM]; /* of the result and of the source */
    int64_t before[TK_MAX_NDIM]; /* elements before the source's first; less than 0: cut off */
} tk_extend_work;

/* Rows that are put together of pieces: from each input, which is contiguous, as many bytes a row. A
 * unit is a row. More inputs than TK_JOIN take several launches. */
enum { TK_JOIN = 4 };
typedef struct tk_join_work {
    char *out; /* where the first piece of the first row goes */
    const char *in[TK_JOIN];
    int64_t bytes[TK_JOIN], row_step; /* of a piece, and of a row of the result */
    int32_t n, streams;               /* the latter as that of a map */
} tk_join_work;

/* Triangles of contiguous matrices [rows][columns], in another tensor or in their own memory. A unit
 * is a row. Kept are columns up to row + diagonal, or from there on. */
typedef struct tk_triangle_work {
    char *out;
    const char *in;
    int64_t rows, columns, diagonal;
    int32_t upper, streams; /* the latter as that of a map */
} tk_triangle_work;

/* How many elements of a row belong to a triangle, and the first of them. */
static inline int64_t tk_triangle_part(int64_t row, int64_t columns, int64_t diagonal, int upper,
                                       int64_t *start)
{
    int64_t cut = row + diagonal + !upper;
    cut = cut < 0 ? 0 : cut > columns ? columns : cut;
    *start = upper ? cut : 0;
    return upper ? columns - cut : cut;
}

/* Windows of images, added up where they came from: images [N][channels][height][width], windows
 * [N][channels][kernel height][kernel width][rows][columns], of which the strides in bytes are given. Pairs
 * are of height and width. A unit is a row of an image. */
typedef struct tk_fold_work {
    char *out;
    const char *in;
    int64_t channels, size[2], kernel[2], counts[2];
    int64_t dilation[2], padding[2], stride[2];
    int64_t in_step[6];
} tk_fold_work;

/* The result (operand 0) over whose shape the gather runs, the tensor read (1), which stands still
 * along dim, and the index (2, int64). A unit is one element of the result. */
typedef struct tk_gather_work {
    tk_map_work map;
    int64_t dim_step; /* bytes from one index to the next in the tensor read */
    int64_t size;     /* an index must be in [0, size) */
    int64_t *bad;     /* the lowest position of one that is not; NULL where they were checked */
} tk_gather_work;

/* The output (operand 0), the source (1) and the index (2, int64), all without dim. A unit
 * is one element of that space: `count` elements of the source, met in order. */
typedef struct tk_scatter_work {
    tk_map_work rest;
    int64_t count;
    int64_t dim_step[3]; /* bytes along dim, an operand each */
    int64_t size;        /* an index must be in [0, size) */
    int64_t *bad;        /* not INT64_MAX: one was not; NULL where they were checked */
    int32_t rows;        /* the source is closer along the last dimension of rest than along dim */
} tk_scatter_work;

/* Rows of a table by bags; all contiguous. The units are said where the kernels stand. */
typedef struct tk_bag_work {
    char *out;
    const char *in;         /* the table [rows][width]; bag_spread: its gradient's source [bags][width] */
    const char *other;      /* weights [entries] or NULL; bag_dots: [bags][width] */
    const int64_t *index;   /* [entries] */
    const int64_t *start;   /* [bags + 1]: the first entry of each bag, and the end of the last */
    int64_t entries, bags, rows, width;
    int64_t padding; /* the row that does not count, or -1 */
    int64_t *bad;    /* not INT64_MAX: an index is no row; NULL where they were checked */
    int32_t mean;    /* a bag's sum is divided by how many entries count */
} tk_bag_work;

/* Indices (operand 1) of any integer type into operand 0, int64. A unit is one index. */
typedef struct tk_wrap_work {
    tk_map_work map;
    int64_t size;  /* an index must be in [0, size) ... */
    int64_t wrap;  /* ... once this is added to a negative one */
    int64_t scale; /* the result is multiplied by this */
    int64_t skip;  /* with skips: this value gives -1, whatever the size */
    int64_t *bad;  /* the lowest position of an index out of range */
    int32_t adds, skips, looks; /* looks: nothing is written */
} tk_wrap_work;

/* The places of the first k elements of each line in order, or of the k-th alone. A unit is `part`
 * lines, which share the scratch memory of two pairs (key, place) an element. The k of a median without
 * NaN is a line's own, at most this one. */
enum { TK_ORDER_FEW = 32 };   /* are kept sorted by insertion: a cache line or two of keys */
enum { TK_ORDER_SHORT = 128 }; /* up to there n^2 comparisons take no longer than a radix sort */
typedef struct tk_order_work {
    const char *in;  /* contiguous [outer][length][inner] */
    int64_t *index;  /* [outer][k or 1][inner] */
    char *scratch;   /* [units], or NULL where no pairs are taken */
    int64_t length, inner, lines, part, k;
    int32_t descending, mode;
} tk_order_work;
static inline int tk_order_is_few(int64_t length, int64_t k)
{
    return k <= TK_ORDER_FEW && 4 * k <= length;
}
static inline int tk_order_takes_pairs(int64_t length, int64_t k)
{
    return length > TK_ORDER_SHORT && !tk_order_is_few(length, k);
}

/* Places in sorted sequences. A unit is a value, of which `columns` look in one sequence. */
typedef struct tk_search_work {
    const char *sequence; /* [sequences][length] */
    const char *in;
    int64_t *out;
    int64_t length, columns;
    int32_t right;
} tk_search_work;

/* Integers that must not be zero (operand 0). A unit is one of them. */
typedef struct tk_divisor_work {
    tk_map_work map;
    int64_t *bad; /* the lowest position of a zero */
} tk_divisor_work;

/* Elements of a contiguous vector that differ from the one before. One unit. */
typedef struct tk_runs_work {
    const char *in;
    char *kinds;     /* [numel], and so are the next two unless NULL; what lies behind is anything */
    int64_t *starts; /* where they stand */
    int64_t *ranks;  /* of each element, how many came before its own */
    int64_t numel;
    int64_t *found;
    int32_t streams; /* ranks go past the caches, as the result of a map */
} tk_runs_work;

/* What is not zero in contiguous bools, 0 or 1. A unit is a chunk of TK_NONZERO_CHUNK of them. */
enum { TK_NONZERO_CHUNK = 1024 }; /* elements: their positions are 8 KiB of stack */
typedef struct tk_nonzero_work {
    const uint8_t *in;
    int64_t numel;
    int64_t *count; /* by chunk: how many, then how many before it */
    int64_t *out;   /* [n, ndim] */
    int32_t ndim;
    int64_t size[TK_MAX_NDIM];
} tk_nonzero_work;

/* The matrix products' struct, tk_gemm, stands in core/gemm.h, with what can be fused to a product
 * and how a recorded one is run again. */

/* Labels and what they choose. A unit is one sample; samples are [N] = [rows][inner], the classes
 * lie between the two. Where the losses of `summed` samples in all are added up, a unit is so many. */
enum { TK_SAMPLES_SUMMED = 512 };
typedef struct tk_nll_work {
    char *out;     /* [N], or [units] if summed; backward: [rows, classes, inner], contiguous */
    char *weights; /* those of the labels, 0 where ignored: as out, [N] for cross-entropy; or NULL */
    const char *in;        /* log probabilities [rows, classes, inner]; backward: gradient [N] */
    const int64_t *target; /* [N], in range, or `ignored` */
    const char *weight;    /* [classes] or NULL */
    int64_t row_step, class_step, inner_step, weight_step; /* bytes */
    int64_t classes, inner, ignored, summed;
    int64_t *bad; /* where targets are not known to be in range: the lowest place of one that is not */
} tk_nll_work;

/* Cross-entropy of contiguous logits [rows, classes, inner]. A unit is one sample of [N] = [rows,
 * inner]. */
typedef struct tk_entropy_work {
    char *out;             /* [N], backward: [rows, classes, inner] */
    char *weights;         /* as above */
    const char *in;
    const char *gradient;  /* [N] */
    const int64_t *target; /* [N], in range, or -1: ignored */
    const char *weight, *weight_sum; /* [classes] and one element, or NULL */
    double smoothing;
    int64_t classes, inner;
    int32_t streams; /* backward: as that of a map */
} tk_entropy_work;

/* Losses of margins, of contiguous [rows][classes]. A unit is a row, in which `listed` labels stand, up
 * to the first that is negative. */
typedef struct tk_margin_work {
    char *out;             /* [rows], backward: [rows][classes] */
    const char *in, *gradient; /* [rows][classes], [rows] */
    const int64_t *target; /* [rows][listed] */
    const char *weight;    /* [classes] or NULL */
    double margin;
    int64_t classes, listed;
    int64_t *bad; /* as that of tk_nll_work */
    int32_t squares, several; /* whether a row lists labels, and may have none */
    int32_t streams;          /* backward: as that of a map */
} tk_margin_work;

/* What Python does to whole tensors. One unit, done by the thread that runs the launch. */
enum { TK_HOST_OPERANDS = 4 };
typedef struct tk_host_work {
    char *data[TK_HOST_OPERANDS]; /* operand 0 is written; NULL: none, or without elements */
    tk_host_call *call;
    void *function;
    int64_t *bad; /* 0 where the function raised an exception, which Python keeps */
} tk_host_work;

#endif
