"""How the arguments of a function hang together: shapes that share sizes, positions that fit.

A form is a line of words. ``name:shape`` is an array; letters of the shape are sizes, equal letters
equal sizes, digits stand for themselves and ``*`` for dimensions in front. What follows a slash
says which values: ``/ic`` positions below the size c, ``/jc`` these or -1, ``/pc`` these but 0,
``/ok`` offsets into k elements, ``/r`` counts, ``/%`` between 0 and 1, ``/s`` signs, ``/+`` a
positive definite matrix. ``name=literal`` is a number, word or tuple, ``name=@nm`` a tuple of
sizes; ``name:[a;b]`` a list of shapes, literals (``=2``) and sizes (``@n``). ``?`` before a word:
perhaps; ``-name``: not given. What a form does not name is drawn as ever.
"""

from __future__ import annotations

_INDEXED = (
    "input:nm self:nm dim=0 index:km/in src:km source:km",
    "input:nm self:nm dim=1 index:nk/im src:nk source:nk",
    "input:n self:n dim=-1 index:k/in src:k source:k",
)
_MATRIX = ("A:*nm input:*nm self:*nm x:*nm",)
_SQUARE = ("A:*nn input:*nn",)
_PAIR = ("input:*nm target:*nm ?weight:*nm", "input:*nm target:*nm -weight")
_CLASSES = (
    "input:nc target:n/ic ?weight:c -ignore_index",
    "input:ncd target:nd/ic ?weight:c -ignore_index",
    "input:nc target:n/ic ?weight:c ignore_index=1",
)
_LIMITS = (
    "input:*nm self:*nm min=-0.5 max=0.5",
    "input:*nm self:*nm min=-1 -max",
    "input:*nm self:*nm -min max=0.25",
    "input:nm self:nm min:nm max:m",
    "input:nm self:nm min:nm -max",
)
_EXTREME = (
    "input:*nm dim=-1 -other",
    "input:nm dim=0 ?keepdim=True -other",
    "input:*nm -dim -keepdim -other",
    "input:*nm other:nm -dim -keepdim",
)
_ONE_DIM = ("input:*nm dim=-1", "input:*nm dim=0", "input:n dim=0")
_MOVED = ("input:*nm source=0 destination=-1", "input:*nm source=(0,1) destination=(1,0)")
_QUANTILE = ("input:nm q=0.3 ?dim=0", "input:nm q:k/% dim=-1", "input:nm q=1.0 ?dim=1")
_LAYER = (
    "input:*nm normalized_shape=@nm ?weight:nm ?bias:nm",
    "input:*m normalized_shape=@m ?weight:m ?bias:m",
)
_CAT = ("tensors:[nm;km] dim=0", "tensors:[nm;nk;nm] dim=-1", "tensors:[n;m;k] -dim")
_TRIANGLE = ("A:*nn B:*nn", "A:*nn B:*nk left=True", "A:*nn B:*kn left=False")

FORMS: dict[str, tuple[str, ...]] = {
    "mm": ("input:nm mat2:mk",),
    "bmm": ("input:bnm mat2:bmk",),
    "mv": ("input:nm vec:m",),
    "dot vdot inner": ("input:n tensor:n other:n",),
    "outer ger": ("input:n vec2:m",),
    "matmul": (
        "input:nm other:mk",
        "input:*nm other:mk",
        "input:*nm other:*mk",
        "input:*nm other:m",
        "input:m other:*mk",
    ),
    "addmm": ("input:nk mat1:nm mat2:mk",),
    "addmv": ("input:n mat:nm vec:m",),
    "addr": ("input:nm vec1:n vec2:m",),
    "addbmm": ("input:nk batch1:bnm batch2:bmk",),
    "baddbmm": ("input:bnk batch1:bnm batch2:bmk",),
    "linear": ("input:*m weight:nm ?bias:n",),
    "bilinear": ("input1:*n input2:*m weight:knm ?bias:k",),
    "chain_matmul multi_dot": (
        "matrices:[nm;mk;kb] tensors:[nm;mk;kb]",
        "matrices:[nm;mk] tensors:[nm;mk]",
    ),
    "tensordot": ("a:knm b:nmb dims=2", "a:nm b:mk dims=1", "a:nm b:nk dims=((0,),(0,))"),
    "einsum": (
        "args:[='ij,jk->ik';nm;mk]",
        "args:[='bij,bj';bnm;bm]",
        "args:[='...i,i->...';*n;n]",
        "args:[='ii->i';nn]",
        "args:[='i,j,k->kji';n;m;k]",
    ),
    "cosine_similarity": ("x1:*nm x2:*nm dim=-1", "x1:*nm x2:*nm dim=0", "x1:nm x2:m -dim"),
    "cdist": ("x1:nm x2:km -compute_mode", "x1:bnm x2:bkm -compute_mode"),
    "pdist": ("input:nm",),
    "cross": ("input:*3 other:*3 -dim", "input:3n other:3n dim=0"),
    "trace diag_embed": ("input:nm",),
    "diag diagflat": ("input:n", "input:nm"),
    "diagonal tril triu": _MATRIX,
    "fill_diagonal": ("self:nn", "self:nm"),
    "diagonal_scatter": (
        "input:nn src:n -offset -dim1 -dim2",
        "input:nnk src:kn -offset -dim1 -dim2",
        "input:34 src:3 offset=1 -dim1 -dim2",
    ),
    "det logdet slogdet inverse inv eigh eigvalsh matrix_power": _SQUARE,
    "cholesky": ("A:*nn/+",),
    "qr svd svdvals pinv pinverse matrix_norm": (
        "A:*nm input:*nm -hermitian -driver",
        "A:*nm input:*nm -hermitian -driver -ord -dim",
    ),
    "solve": ("A:*nn B:*nn", "A:*nn B:*nk left=True", "A:*nn B:*kn left=False", "A:nn B:n"),
    "solve_triangular": _TRIANGLE,
    "lstsq": (
        "A:43/% B:42 -driver -rcond",
        "A:*53/% B:*51 -driver -rcond",
        "A:23/% B:24 -driver -rcond",
    ),
    "kthvalue": ("input:*4 k=2 -dim", "input:5n k=5 dim=0"),
    "cross_entropy": (*_CLASSES, "input:nc target:nc/% ?weight:c", "input:c target:/ic ?weight:c"),
    "nll_loss": _CLASSES,
    "multi_margin_loss": (
        "input:nc target:n/ic ?weight:c p=1",
        "input:nc target:n/ic ?weight:c p=2",
        "input:c target:/ic -p",
    ),
    "multilabel_margin_loss": ("input:nc target:nc/jc", "input:c target:c/jc"),
    "multilabel_soft_margin_loss": ("input:nc target:nc/% ?weight:c",),
    "soft_margin_loss": ("input:nm target:nm/s",),
    "cosine_embedding_loss": ("input1:nm input2:nm target:n/s",),
    "hinge_embedding_loss": ("input:*nm target:*nm/s",),
    "margin_ranking_loss": ("input1:*n input2:*n target:*n/s",),
    "binary_cross_entropy": ("input:*nm/% target:*nm/% ?weight:*nm/%",),
    "binary_cross_entropy_with_logits": ("input:*nm target:*nm/% ?weight:*nm/% ?pos_weight:m/%",),
    "huber_loss l1_loss mse_loss smooth_l1_loss poisson_nll_loss": _PAIR,
    "kl_div": ("input:*nm target:*nm/%",),
    "gaussian_nll_loss": ("input:*nm target:*nm var:*nm/%", "input:nm target:nm var:n1/%"),
    "ctc_loss": (
        "log_probs:52c targets:23/pc input_lengths=(5,4) target_lengths=(2,3) -blank",
        "log_probs:62c targets:5/pc input_lengths=(6,5) target_lengths=(2,3) -blank",
        "log_probs:5c targets:2/pc input_lengths=(5,) target_lengths=(2,) -blank",
    ),
    "embedding": ("input:*n/iv weight:vd ?padding_idx=0 -max_norm -sparse",),
    "embedding_bag": (
        "input:nm/iv weight:vd -offsets -max_norm -sparse -mode -include_last_offset "
        "-per_sample_weights -scale_grad_by_freq ?padding_idx=0",
        "input:nm/iv weight:vd -offsets -max_norm -sparse mode='sum' -include_last_offset "
        "?per_sample_weights:nm -scale_grad_by_freq -padding_idx",
        "input:k/iv weight:vd offsets:3/ok -max_norm -sparse mode='max' -include_last_offset "
        "-per_sample_weights -scale_grad_by_freq -padding_idx",
    ),
    "one_hot": ("tensor:*n/i5 num_classes=5", "tensor:3/i5 -num_classes"),
    "bincount": ("input:n/i5 ?weights:n ?minlength=7",),
    "layer_norm rms_norm": _LAYER,
    "group_norm": (
        "input:b6n num_groups=3 ?weight:6 ?bias:6",
        "input:bcnm num_groups=1 ?weight:c ?bias:c",
    ),
    "instance_norm": (
        "input:bcn ?weight:c ?bias:c -running_mean -running_var -use_input_stats",
        "input:bcn ?weight:c ?bias:c running_mean:c running_var:c/% use_input_stats=False",
    ),
    "normalize": _ONE_DIM,
    "softmax log_softmax softmin logcumsumexp": _ONE_DIM,
    "glu": ("input:4nm dim=0", "input:n2 -dim", "input:n4m dim=1"),
    "prelu": ("input:bcn weight:c", "input:*n weight:1"),
    "pixel_shuffle": ("input:b8nm upscale_factor=2", "input:9nm upscale_factor=3"),
    "pixel_unshuffle": ("input:bc46 downscale_factor=2", "input:c39 downscale_factor=3"),
    "channel_shuffle": ("input:b6n groups=3", "input:b4nm groups=2"),
    "fold": (
        "input:b86 output_size=(3,4) kernel_size=2 -dilation -padding -stride",
        "input:b44 output_size=(4,5) kernel_size=(2,2) -dilation padding=1 stride=(3,3)",
    ),
    "unfold": (
        "input:bc45 kernel_size=2 -dilation ?padding=1 ?stride=2",
        "input:bc45 kernel_size=(2,3) -dilation -padding -stride",
        "input:6n dimension=0 size=3 step=2",
    ),
    "gather": _INDEXED,
    "take_along_dim": ("input:nm indices:km/in dim=0", "input:nm indices:nk/im dim=-1"),
    "scatter": tuple(f"{form} {rest}" for form in _INDEXED for rest in ("-value -reduce",))
    + tuple(f"{form.partition(' src')[0]} value=2.0 -src -reduce" for form in _INDEXED),
    "scatter_add scatter_reduce": _INDEXED,
    "index_add index_copy index_fill index_select": (
        "input:nm self:nm dim=0 index:k/in source:km value=2",
        "input:nm self:nm dim=1 index:k/im source:nk value=-1",
        "input:n self:n dim=0 index:k/in source:k value=0",
    ),
    "index_put": (
        "input:nm self:nm indices:[k/in;k/im] values:k",
        "input:nm self:nm indices:[k/in] values:km",
        "input:nm self:nm indices:[k/in] values:m",
    ),
    "select": ("input:4n dim=0 index=-1", "input:n3 dim=1 index=2"),
    "select_scatter": ("input:4n src:n dim=0 index=-1", "input:n3 src:n dim=1 index=2"),
    "slice_scatter": (
        "input:4m src:2m dim=0 start=1 end=3 -step",
        "input:n5 src:n3 dim=-1 -start -end step=2",
        "input:nm src:nm -dim -start -end -step",
    ),
    "narrow narrow_copy": (
        "input:4n dim=0 start=1 length=2",
        "input:n5 dim=-1 start=-3 length=3",
        "input:n5 dim=1 start=2 length=0",
    ),
    "split": (
        "tensor:5n split_size_or_sections=2 -dim",
        "tensor:n5 split_size_or_sections=(1,4) dim=1",
    ),
    "split_with_sizes": ("input:5n split_sizes=(2,3) -dim", "input:n4 split_sizes=(0,4) dim=-1"),
    "chunk": ("input:5n chunks=3 -dim", "input:n4 chunks=2 dim=-1"),
    "tensor_split": (
        "input:5n indices_or_sections=3 -dim",
        "input:n4 indices_or_sections=(1,3) dim=1",
    ),
    "hsplit": ("input:n4 indices_or_sections=2", "input:n4 indices_or_sections=(1,2)"),
    "vsplit": ("input:4n indices_or_sections=2", "input:4n indices_or_sections=(1,2)"),
    "dsplit": ("input:nm4 indices_or_sections=2", "input:nm4 indices_or_sections=(1,2)"),
    "cat concat concatenate": _CAT,
    "cartesian_prod": ("tensors:[n;m;k]", "tensors:[n;m]"),
    "combinations": ("input:n ?r=2", "input:4 r=3"),
    "movedim moveaxis": _MOVED,
    "transpose swapaxes swapdims": (
        "input:*nm dim0=0 dim1=-1 axis0=0 axis1=-1",
        "input:*nm dim0=-2 dim1=1 axis0=-2 axis1=1",
    ),
    "permute": ("input:nmk dims:[=2;=0;=1]", "input:nm dims:[=-1;=0]"),
    "flip": ("input:nm dims:[=0;=1]", "input:*n dims:[=-1]"),
    "fliplr flipud": ("input:*nm",),
    "roll": (
        "input:nm shifts=1 dims=0",
        "input:nm shifts=(1,-2) dims=(0,1)",
        "input:*n shifts=2 -dims",
    ),
    "rot90": ("input:nm -dims", "input:nmk dims=(0,2)"),
    "tile repeat": (
        "input:nm self:nm dims:[=2;=1] repeats:[=2;=1]",
        "input:n self:n dims:[=2;=0;=3] repeats:[=2;=0;=3]",
    ),
    "repeat_interleave": (
        "input:nm repeats=2 ?dim=1 -output_size",
        "input:3m repeats:3/r dim=0 -output_size",
    ),
    "expand": ("input:n1 sizes_:[=2;=-1;=3] -size", "input:nm sizes_:[=-1;=-1] -size"),
    "reshape view": (
        "input:46 sizes_:[=3;=8] -size -shape -dtype",
        "input:nm sizes_:[=-1] -size -shape -dtype",
        "input:nm sizes_:[@m;@n;=1] -size -shape -dtype",
    ),
    "sum_to_size": ("input:nm size:[=1;@m]", "input:bnm size:[@n;=1]"),
    "unflatten": ("input:n6 dim=1 sizes=(2,3)", "input:4n dim=0 sizes=(2,-1)"),
    "as_strided": ("input:46 size=(2,3) stride=(3,1) ?storage_offset=2",),
    "clamp clip": _LIMITS,
    "max min": _EXTREME,
    "std var std_mean var_mean": (
        "input:*nm -correction",
        "input:*nm -unbiased",
        "input:*nm dim=-1 -unbiased -correction",
    ),
    "quantile nanquantile": _QUANTILE,
    "histc": ("input:*n bins=5 min=-1.0 max=2.0", "input:*n ?bins=4 -min -max"),
    "isin": ("elements:nm test_elements:k",),
    "arange": ("start=0 end=5 step=2", "start=1.5 end=-3 step=-0.5", "start=4 -end -step"),
    "cov": ("input:nm -fweights -aweights", "input:nm fweights:m/r aweights:m/%"),
    "hypot logaddexp logaddexp2 atan2 arctan2 ldexp": ("input:*nm other:*nm", "input:*nm other:m"),
    "linspace logspace": ("start=0.5 end=2.0 steps=4", "start=-1 end=1 steps=3 ?base=2.0"),
    "diff": ("input:*nm -prepend -append n=1", "input:nm ?prepend:n1 ?append:n1 -dim -n"),
    "trapezoid trapz": ("y:*nm ?x:m -dx -dim", "y:*nm -x dx=0.5 ?dim=0"),
    "lerp": ("input:*nm end:*nm weight:*nm", "input:*nm end:*nm weight=0.3"),
    "polygamma": ("input:*n self:*n n=1", "input:*n self:*n n=0", "input:*n self:*n n=3"),
}
BY_NAME = {name: forms for names, forms in FORMS.items() for name in names.split()}
