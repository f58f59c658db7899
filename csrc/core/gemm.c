#include "gemm.h"

#include "core.h"

#define SERIAL_WORK 65536 /* multiply-adds a thread must have: 1 to 2 us, what waking it may cost */
#define WAKING_WORK 32    /* times that is worth waking one that sleeps */
#define TALL 64           /* strips of A a thread that make copying B's panels again cheap */
#define WIDE_PIECE 8      /* panels, and */
#define TALL_PIECE 4      /* strips a thread, from which pieces may have half the width */
#define LONG_DOT 3        /* lanes of sums beat tiles where k is above this times n's square */
#define LONG_DOT_ACROSS 4 /* (if their results lie across C's rows, this times), */
#define SHORT_DOT 8       /* but not less than half a line of float32 */
#define A_SHARE 8         /* copies of A take at most so much of the last cache */
#define FAR_SHARE 4       /* a larger share of the last cache is rarely there still */
#define HELD_STRIPS 16    /* strips of held partial sums: 450 KiB of 512 columns, half of an L2 */
#define SHORT 16          /* values of k: with fewer, writing a large C is what takes time, */
#define WIDE 1024         /* whose rows, or those of a B read by long rows, have so many bytes */
#define L1_BYTES 32768    /* of B that need not be asked for before they are used */
#define LINE 64           /* bytes of a cache line */
#define PAGE 4096         /* bytes after which an L1 cache starts over, */
#define WAYS 8            /* and the lines it holds of those that are so far apart; so many panels */
#define FULL_STRIPS 8     /* repay a copy of A by which strips need not be as low as that */
#define COPY_ROWS 24      /* strips of A from which copying B into panels pays for itself, */
#define COLLIDE_ROWS 8    /* and where B's rows collide in L1, which */
#define FEW_ROWS 4        /* that take less time one by one than finding their tile, */
#define TINY 24           /* with so many vector multiply-adds */
#define ASK_BYTES 65536   /* of a matrix that are asked for while the one before is multiplied */
#define LONG_TILE 64      /* values of k make good for where a row of a tile has two lines */

static int64_t ceil_div(int64_t a, int64_t b)
{
    return a / b + (a % b > 0);
}

/* The next multiple of a power of two: planning a small product must not cost more than it. */
static int64_t round_up(int64_t a, int64_t power)
{
    return (a + power - 1) & -power;
}

static int64_t at_least(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t at_most(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Steps of dimensions of size 1 are free: take those that suit best. */
static void settle_steps(tk_gemm *g)
{
    if (g->m == 1)
        g->a_row = 1;
    if (g->k == 1) {
        g->a_col = 1;
        g->b_row = 1;
    }
    if (g->n == 1) {
        g->b_col = 1;
        g->bias_step = 0;
    }
}

static void swap(int64_t *a, int64_t *b)
{
    int64_t t = *a;
    *a = *b;
    *b = t;
}

/* Replaces C = A B by C' = B' A'. */
static void transpose(tk_gemm *g)
{
    const char *a = g->a;
    g->a = g->b;
    g->b = a;
    swap(&g->m, &g->n);
    swap(&g->a_row, &g->b_col);
    swap(&g->a_col, &g->b_row);
    swap(&g->c_row, &g->c_col);
    for (int d = 0; d < g->batch_dims; d++)
        swap(&g->a_batch[d], &g->b_batch[d]);
}

/* What costs as much as a vector multiply-add for each value of k: copying B into panels against
 * its grain, a value; a tile of half a vector, whose rows wait for their broadcasts; one of a
 * vector with few rows, which wait for their sums; storing C against its grain, for one value of k
 * and a strip of one row, an element. */
#define TURN 0.4
#define HALF 0.65
#define LONE 1.15
#define AGAINST 7.0

/* Vector multiply-adds a value of k of a row of n values, as the kernel cuts it into tiles. */
static double row_cost(int64_t n, int64_t w, int vector_bytes)
{
    int64_t rest = n & (2 * w - 1);
    int halves = TK_GEMM_HALVES(vector_bytes);
    double full = (double)(n - rest) / (double)w;
    double lone = TK_GEMM_MR(vector_bytes) < 8 ? LONE : 1;
    if (rest == 0)
        return full;
    if (2 * rest > (halves ? 3 : 2) * w)
        return full + 2;
    if (rest > w)
        return full + lone + HALF;
    return full + (halves && 2 * rest <= w ? HALF : lone);
}

static double tile_cost(int64_t m, int64_t n, int64_t b_col, int64_t w, int vector_bytes)
{
    return (double)m * row_cost(n, w, vector_bytes) + (b_col != 1 ? TURN * (double)n : 0);
}

static void choose_path(tk_gemm *g, int size, int vector_bytes)
{
    int64_t few = at_most(g->m, g->n), w = vector_bytes / size;
    g->path = TK_GEMM_TILES;
    if (g->a_col == 1 && g->b_row == 1 && few * size <= TK_GEMM_FEW * 4 && g->k >= SHORT_DOT &&
        g->k > (g->m < g->n ? LONG_DOT : LONG_DOT_ACROSS) * few * few) {
        g->path = TK_GEMM_DOTS;
        if (g->m < g->n)
            transpose(g);
        return;
    }
    if (g->b_col == 1 && g->c_col == 1 && g->m <= FEW_ROWS &&
        g->m * g->k * ceil_div(g->n, w) <= TINY) {
        g->path = TK_GEMM_ROWS;
        return;
    }
    double store = AGAINST / TK_GEMM_MR(vector_bytes) * (double)g->m * (double)g->n /
                   (double)at_least(g->k, 1);
    if (tile_cost(g->n, g->m, g->a_row, w, vector_bytes) + store <
        0.9 * tile_cost(g->m, g->n, g->b_col, w, vector_bytes))
        transpose(g);
    if (g->b_col != 1 || g->c_col != 1)
        return;
    if (g->m == 1) {
        /* Passes down B's columns read it well from the second cache, or where one is all. */
        int passes = g->n > 8 * w && g->n * size >= WIDE && g->k * g->n * size > tk_second_cache;
        g->path = g->k > 1 && (passes || g->n * size >= TK_GEMM_LONG) ? TK_GEMM_LONG_ROW
                                                                      : TK_GEMM_ROWS;
    } else if (g->k == 1 && g->n * size >= WIDE)
        g->path = TK_GEMM_ROWS;
}

/* Cuts every matrix of C into units of at most so many rows and columns, enough of them for the
 * threads that are wanted. */
static void split(tk_gemm *g, int64_t batch, int64_t wanted, int tiles, int64_t most_rows,
                  int64_t most_cols, int64_t mr, int64_t nr)
{
    g->col_units = ceil_div(g->n, most_cols);
    /* Rows are split first, unless there are few of them. */
    if (batch * g->col_units * ceil_div(g->m, 2 * mr) < wanted)
        g->col_units = at_least(g->col_units, at_most(wanted, ceil_div(g->n, nr)));
    g->cols = round_up(ceil_div(g->n, g->col_units), nr);
    g->col_units = ceil_div(g->n, g->cols);
    /* Every piece copies its own panels of B, so pieces are few unless they are tall. Half as wide,
     * there are twice as many for the same copies. */
    int64_t blocks = batch * g->col_units;
    int64_t pieces = g->m * g->col_units >= TALL * mr * wanted ? 4 * wanted : wanted;
    g->row_units = blocks % wanted == 0 ? 1 : ceil_div(pieces, blocks);
    if (blocks == 1 && wanted > 1 && g->n >= WIDE_PIECE * nr && g->m >= TALL_PIECE * mr * wanted) {
        g->col_units = 2;
        g->cols = round_up(ceil_div(g->n, 2), nr);
        g->row_units = wanted;
    }
    g->row_units = at_least(1, at_most(g->row_units, tiles ? g->m / mr : g->m));
    g->rows = at_most(ceil_div(g->m, g->row_units), most_rows);
    g->row_units = ceil_div(g->m, g->rows);
}

/* Whether the rows of B fall upon few lines of L1, so that those of a tile drive each other out. */
static int b_collides(const tk_gemm *g, int size, int vector_bytes)
{
    uint64_t step = (uint64_t)(g->b_row * size);
    if (vector_bytes * TK_GEMM_NV > LINE)
        return step % PAGE == 0 && g->k < LONG_TILE;
    return step % (PAGE / 2) == 0;
}

/* Bytes to ask for of a batch's next matrix: all of it, if it lies in one piece and small ones are
 * changed often; 0 if it is the same again. */
static int64_t ask(int64_t rows, int64_t row, int64_t cols, int64_t col, int64_t next, int size)
{
    int64_t span = (rows - 1) * row + (cols - 1) * col + 1;
    return next && row > 0 && col > 0 && span <= 2 * rows * cols && span * size <= ASK_BYTES
               ? span * size
               : 0;
}

void tk_gemm_plan(tk_gemm *g, int dtype, int vector_bytes, int threads)
{
    int size = tk_item_size[dtype];
    int64_t mr = TK_GEMM_MR(vector_bytes), w = vector_bytes / size, nr = TK_GEMM_NV * w;
    int64_t kc = at_most(TK_GEMM_KC, g->k);
    int64_t batch = 1;
    for (int i = 0; i < g->batch_dims; i++)
        batch *= g->batch_size[i];
    g->units = 0;
    g->grain = 1;
    g->scratch = 0;
    if (g->c_col > 1)
        transpose(g); /* back, from an earlier plan */
    g->c_col = 1;
    if (batch <= 0 || g->m <= 0 || g->n <= 0)
        return;
    settle_steps(g);
    if (tk_is_float(dtype))
        choose_path(g, size, vector_bytes);
    int tiles = tk_is_float(dtype) && g->path == TK_GEMM_TILES;

    /* One block of B, kc x cols, takes half of the L2 cache; a third where strips are tall, so that
     * reading A once more costs less than what of the block the other matrices drive out. */
    int64_t most_cols = tk_second_cache / (mr < 8 ? 2 : 3) / TK_GEMM_KC / size & -nr;
    g->pack_b = tiles && (g->b_col != 1 ||
                          g->m > mr * (b_collides(g, size, vector_bytes) ? COLLIDE_ROWS
                                                                         : COPY_ROWS));
    g->ahead = tiles && !g->pack_b && g->k * g->n * size > L1_BYTES;
    g->asks = tiles && g->m > mr &&
              (g->m * g->k + g->k * g->n + g->m * g->n) * size > tk_second_cache / 2;
    g->a_down = g->a_row == 1;
    int collide = !g->a_down && (uint64_t)(g->a_row * size + LINE) % PAGE <= 2 * LINE;
    int few_lines = g->a_down && g->a_col * size % (PAGE / 2) == 0; /* of L1, used again and again */
    int copy = g->a_down ? mr * size < LINE - 8 || g->n > most_cols || few_lines
                         : collide && (mr <= WAYS || g->n >= FULL_STRIPS * nr);
    g->pack_a = tiles && (!(g->a_row == 1 || g->a_col == 1) ||
                          (g->m > mr && g->n > 4 * nr && copy));

    double matrix = (double)g->m * (double)g->n * (double)at_least(g->k, 1);
    double share = matrix * (double)batch / SERIAL_WORK;
    int64_t wanted = share < 2 ? 1 : share < threads ? (int64_t)share : threads;
    int hold = tiles && g->addend == g->c && g->k > TK_GEMM_KC;
    g->rows = g->m;
    g->cols = round_up(g->n, nr);
    g->row_units = g->col_units = 1;
    if (hold || wanted > 1)
        split(g, batch, wanted, tiles, hold ? HELD_STRIPS * mr : g->m, hold ? most_cols : g->n, mr,
              nr);
    g->units = batch * g->col_units * g->row_units;
    g->grain = wanted == 1            ? g->units
               : share >= WAKING_WORK ? 0
                                      : at_least(1, (int64_t)(SERIAL_WORK / matrix));

    g->ask_a = g->ask_b = g->ask_c = 0;
    int64_t matrices = g->m * g->k + g->k * g->n + g->m * g->n;
    if (tk_is_float(dtype) && batch > 1 && g->units == batch &&
        batch * matrices * size > tk_last_cache / FAR_SHARE) {
        int last = g->batch_dims - 1;
        while (g->batch_size[last] == 1)
            last--;
        g->ask_a = ask(g->m, g->a_row, g->k, g->a_col, g->a_batch[last], size);
        g->ask_b = ask(g->k, g->b_row, g->n, g->b_col, g->b_batch[last], size);
        g->ask_c = ask(g->m, g->c_row, g->n, g->c_col, g->c_batch[last], size);
    }
    g->block_cols = g->cols;
    if (g->cols > most_cols)
        g->block_cols = round_up(ceil_div(g->cols, ceil_div(g->cols, most_cols)), nr);
    /* the matrix that is multiplied with a vector, which is large enough to be read once */
    g->far = g->k * at_least(g->m, g->n) * size > tk_last_cache / FAR_SHARE;
    if (g->path == TK_GEMM_LONG_ROW) {
        g->block_cols = (g->far ? TK_GEMM_FAR : TK_GEMM_LONG) / size;
    }
    g->keep_a = g->pack_a && g->cols > g->block_cols;
    int64_t most_rows = tk_last_cache / A_SHARE / TK_GEMM_KC / size;
    g->block_rows = g->m;
    if (g->keep_a && g->m > most_rows)
        g->block_rows = ceil_div(ceil_div(g->m, ceil_div(g->m, most_rows)), mr) * mr;
    int64_t cols = at_most(g->block_cols, round_up(g->n, w));
    /* a copy's last store may run over by w */
    int64_t panels = g->pack_b ? cols : g->n & (nr - 1) ? nr : 0;
    g->b_copy = g->path == TK_GEMM_LONG_ROW ? 2 * g->block_cols
                : tiles                     ? panels * TK_GEMM_PANEL(kc) + w
                                            : 0;
    int64_t a_copy = g->pack_a ? (g->keep_a ? g->block_rows : mr) * TK_GEMM_COPIED(kc, size) + w : 0;
    /* Where sums are short, C's rows are what takes time; long ones are written faster by few. */
    g->strip = g->k <= SHORT && g->c_col == 1 && g->n * size >= WIDE ? at_most(mr, 5) : mr;
    if (g->c_col != 1 && LINE / size <= mr)
        g->strip = at_most(g->strip, LINE / size); /* the columns of C in whole lines */
    if (collide && !g->pack_a)
        g->strip = at_most(g->strip, WAYS);
    /* whole tiles; a row of them may end in two narrow ones */
    g->held = hold ? ceil_div(g->rows, g->strip) * mr * (g->cols + nr) : 0;
    g->scratch = (size_t)(at_least(1, g->b_copy + g->held + a_copy) * size);
}

int tk_gemm_epilogue(int kernel, int dtype)
{
    if (!tk_is_float(dtype) && kernel != TK_K_relu)
        return -1;
    switch (kernel) {
#define TK_EPILOGUE(name) \
    case TK_K_##name: \
        return TK_EPILOGUE_##name;
        TK_EPILOGUES(TK_EPILOGUE)
#undef TK_EPILOGUE
    default:
        return -1;
    }
}
