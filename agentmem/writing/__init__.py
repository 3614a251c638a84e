"""Write memories: admit messages, embed, associate, and derive session memories."""
